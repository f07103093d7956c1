import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy as reference

from imprint.core.errors import ImprintError
from imprint.stats.entropy import entropy


def test_by_hand_in_nats() -> None:
    found = entropy([[8, 0, 0], [1, 1, 0], [2, 2, 2], [2, 1, 1]])
    assert found == pytest.approx([0, np.log(2), np.log(3), 1.5 * np.log(2)], rel=1e-15)
    assert not np.signbit(found[0])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 100), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_against_scipy_and_in_any_order(counts: list[int], random) -> None:
    counts[0] += 1
    shuffled = random.sample(counts, len(counts))
    assert entropy(counts) == pytest.approx(reference(counts), abs=1e-14)
    assert entropy(shuffled) == entropy(counts)
    assert 0 <= entropy(counts) <= np.log(len(counts)) + 1e-14


@pytest.mark.parametrize(
    ("counts", "message"),
    [([[1, -1]], "not negative"), ([[np.nan, 1]], "finite"), ([[1, 0], [0, 0]], "all zero")],
)
def test_errors(counts: list[list[float]], message: str) -> None:
    with pytest.raises(ImprintError, match=message):
        entropy(counts)
