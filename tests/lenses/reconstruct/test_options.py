"""Options of a diffusion model: shapes that no network can have."""

import pytest

from imprint.core.bounds import OptionError
from imprint.lenses.reconstruct.options import ReconstructionTraining, UNetOptions


@pytest.mark.parametrize(
    ("multipliers", "complaint"),
    [
        ((), "1 to 8 whole numbers"),
        ((1.5,), "1 to 8 whole numbers"),
        ((1.0, 17.0), r"in \[1, 16\]"),
        ((0.0,), r"in \[1, 16\]"),
        ((float("nan"), 1.0), "finite"),
        ((float("inf"), 1.0), "finite"),
        ((1.0,) * 5, "leave a deepest level of 1 pixels"),
    ],
)
def test_multipliers_are_checked(multipliers, complaint):
    with pytest.raises(OptionError, match=complaint):
        UNetOptions(multipliers=multipliers)


def test_a_width_that_normalisation_cannot_group_is_refused():
    with pytest.raises(OptionError, match="width must be a multiple of 8, got 12"):
        UNetOptions(width=12)


@pytest.mark.parametrize("name", ["learning_rate", "weight_decay"])
def test_rates_that_overflow_float32_are_refused(name):
    with pytest.raises(OptionError, match=f"{name} must be in .* 100"):
        ReconstructionTraining(**{name: 1e38})
