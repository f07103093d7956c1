from dataclasses import dataclass, field
from typing import Annotated, Literal

import pytest

from imprint.core.bounds import Bounds, Checked, OptionError, bounds_of


@dataclass(frozen=True)
class Choice(Checked):
    k: Annotated[int, Bounds(least=1)] = 20
    rate: Annotated[float, Bounds(above=0, most=1)] = 0.5
    probes: Annotated[int, Bounds(least=2, or_zero=True)] = 0
    noise: Annotated[tuple[float, ...], Bounds(above=0, noun="a positive, finite variance")] = (1,)
    memory: Annotated[float | None, Bounds(above=0)] = None
    batch: Annotated[int, Bounds(least=2, why="batch statistics need two images")] = 2
    free: float = 0.0
    kind: Literal["a", "b"] | None = None
    depth: Literal[18, 50] = 18


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"k": 0}, "k must be at least 1, got 0"),
        ({"rate": 0.0}, "rate must be in (0, 1], got 0"),
        ({"rate": 2.0}, "rate must be in (0, 1], got 2"),
        ({"rate": float("nan")}, "rate must be a finite number below 3.4e38, got nan"),
        ({"probes": 1}, "probes must be 0 or at least 2, got 1"),
        ({"noise": (0.1, 0.0)}, "noise must be a positive, finite variance, got 0"),
        ({"noise": (float("inf"),)}, "noise must be a positive, finite variance, got inf"),
        ({"noise": (1e300,)}, "noise must be a finite number below 3.4e38, got 1e+300"),
        ({"memory": -1.5}, "memory must be above 0, got -1.5"),
        ({"batch": 1}, "batch must be at least 2, got 1: batch statistics need two images"),
        ({"kind": "c"}, "kind must be one of a, b, got 'c'"),
        ({"depth": 34}, "depth must be one of 18, 50, got 34"),
        ({"k": 2**63}, "k must be an integer below 2^63, got 9223372036854775808"),
    ],
)
def test_a_value_outside_its_range_is_one_sentence(values, message):
    with pytest.raises(OptionError) as caught:
        Choice(**values)
    assert str(caught.value) == message


def test_values_at_the_ends_that_belong_to_the_range_are_accepted():
    assert Choice(k=1, rate=1.0, probes=2, noise=(1e-9, 3.0), memory=0.5).probes == 2


@dataclass(frozen=True)
class Wider(Choice):
    """A subclass with a rule of its own and a range declared anew."""

    k: Annotated[int, Bounds(least=0)] = 0
    inner: Choice = field(default_factory=Choice)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.k > self.batch:
            raise OptionError(type(self), "k", "exceeds the batch")


def test_a_subclass_keeps_the_ranges_it_does_not_redeclare():
    assert Wider(k=0).k == 0
    with pytest.raises(OptionError, match=r"^rate must be in"):
        Wider(rate=3.0)
    with pytest.raises(OptionError, match=r"^k exceeds the batch"):
        Wider(k=3)
    assert set(bounds_of(Wider)) == {"k", "rate", "probes", "noise", "memory", "batch"}
