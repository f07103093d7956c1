import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from imprint.stats.ranks import midranks


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_midranks_are_those_of_scipy(values) -> None:
    assert midranks(np.array(values, dtype=float)).tolist() == rankdata(values).tolist()


def test_counts_stand_for_repeated_rows() -> None:
    """[5, 7, 7, 9] drawn as 5 once, 7 four times (both rows twice), 9 never."""
    ranks = midranks(np.array([5.0, 7.0, 7.0, 9.0]), np.array([[1, 2, 2, 0]]))
    assert ranks[0, :3].tolist() == [1.0, 3.5, 3.5]
