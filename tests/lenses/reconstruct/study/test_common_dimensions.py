"""Dimensions that neighbours share: counts by hand, and what is refused."""

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.study.common_dimensions import common_dimensions

VALUES = np.array([[1, 0, 0.25, -2], [1, 0, 0, 0], [3, 0, 0.25, 0]], dtype=np.float32)


def test_a_dimension_counts_where_it_is_non_zero_in_more_than_common_neighbours():
    dimensions = common_dimensions(VALUES, 1, 0.0, {"backbone": 4})
    assert dimensions.counts.tolist() == [3, 0, 2, 1]
    assert dimensions.chosen.tolist() == [True, False, True, False]
    dimensions = common_dimensions(VALUES, 2, 0.0, {"backbone": 4})
    assert dimensions.chosen.tolist() == [True, False, False, False]


def test_the_threshold_is_of_absolute_values_and_itself_not_above():
    dimensions = common_dimensions(VALUES, 0, 0.25, {"backbone": 4})
    assert dimensions.chosen.tolist() == [True, False, False, True]


def test_a_layer_without_zeros_is_refused_with_its_median():
    dense = np.array([[1, -2, 0, 4]] * 3, dtype=np.float32)
    with pytest.raises(ImprintError, match="all 4 dimensions of the backbone are above 0 in"):
        common_dimensions(np.abs(dense) + 1, 1, 0.0, {"backbone": 4})
    with pytest.raises(ImprintError, match=r"all 1 dimensions of the projector.*value is 4\)"):
        common_dimensions(dense, 1, 0.0, {"backbone": 3, "projector": 1})


def test_no_common_dimension_is_refused():
    with pytest.raises(ImprintError, match=r"no dimension .* is above 5 in more than 1 of 3"):
        common_dimensions(VALUES, 1, 5.0, {"backbone": 4})
