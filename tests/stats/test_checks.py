import pytest

from imprint.core.errors import ImprintError
from imprint.stats.checks import pair, sample


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1.0]], r"scores must have one axis, got shape \[1, 1\]"),
        ([1.0], "scores must hold at least 2 values, got 1"),
        ([1.0, float("nan")], "scores is nan in row 1"),
    ],
)
def test_samples_that_no_statistic_takes_are_rejected(values, message) -> None:
    with pytest.raises(ImprintError, match=message):
        sample(values, "scores", at_least=2)


def test_pairs_have_one_length() -> None:
    first, second = pair([1, 2], [3, 4], ("a", "b"))
    assert (first.tolist(), second.tolist()) == ([1.0, 2.0], [3.0, 4.0])
    with pytest.raises(ImprintError, match="a has 2 values and b 1"):
        pair([1, 2], [3], ("a", "b"))
