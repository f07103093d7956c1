import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.target_units import (
    TargetUnits,
    no_units,
    standardised,
)


def test_standardised_targets_return_to_their_values():
    values = np.array([[1.0, 30.0, 5.0], [2.0, 10.0, 5.0], [6.0, 20.0, 5.0]])
    fitted, units = standardised(values)
    np.testing.assert_allclose(fitted[:, :2].mean(0), 0, atol=1e-15)
    np.testing.assert_allclose(fitted[:, :2].std(0), 1)
    assert (fitted[:, 2] == 0).all()
    np.testing.assert_allclose(units.of_targets(fitted), values)


def test_one_scale_turns_lengths_and_squares_into_units_of_the_targets():
    columns = {"residual_norm": np.array([2.0]), "variance_out": np.array([3.0])}
    columns["kl_out_in"] = np.array([5.0])
    units = TargetUnits(np.zeros(2), np.array([10.0, 10.0]))
    found = units.convert(columns)
    assert found["residual_norm"][0] == 20
    assert found["variance_out"][0] == 300
    assert found["kl_out_in"][0] == 5


def test_mixed_outputs_of_several_scales_stay_in_standard_deviations():
    units = TargetUnits(np.zeros(2), np.array([10.0, 1.0]))
    assert units.common_scale is None
    assert units.convert({"residual_norm": np.array([2.0])})["residual_norm"][0] == 2


def test_targets_without_units_are_left_as_they_are():
    units = no_units(3)
    assert units.common_scale == 1
    assert units.of_targets(np.array([0.5, 0, 1])).tolist() == [0.5, 0, 1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1.0, np.nan], "NaN or infinite"),
        ([2.0, 2.0], "all targets are the same"),
        ([0.0, 1e300], "too large"),
    ],
)
def test_targets_that_cannot_be_fitted_are_one_sentence(values, message):
    with pytest.raises(ImprintError, match=message):
        standardised(np.array(values))
