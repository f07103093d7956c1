from pathlib import Path

import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.options import (
    FitOptions,
    LandscapeOptions,
    OptimiseOptions,
    SearchChoice,
)
from imprint.lenses.leave_one_out.retraining_options import RetrainingOptions
from imprint.study.config import parse
from imprint.study.counted import part_of


def test_a_group_is_taken_out_of_the_options_of_a_command():
    options = OptimiseOptions(out=Path("out"), removed=3, noise=(0.2,))
    assert part_of(options, SearchChoice) == SearchChoice(removed=3)


@pytest.mark.parametrize(
    ("kind", "old", "name", "value"),
    [
        (OptimiseOptions, ["--attempts", "2"], "restarts", 2),
        (OptimiseOptions, ["--enough", "0.5"], "target_share", 0.5),
        (LandscapeOptions, ["--reach", "0.25"], "half_length", 0.25),
        (LandscapeOptions, ["--steps", "3"], "steps_per_side", 3),
        (RetrainingOptions, ["--left-out", "4"], "removed", 4),
    ],
)
def test_old_spellings_are_read_and_reported(kind, old, name, value, capsys):
    options = parse(kind, [*old, "--out", "x"], "imprint")
    assert getattr(options, name) == value
    assert f"{old[0]} is now --{name.replace('_', '-')}" in capsys.readouterr().err


def test_every_noise_variance_is_checked():
    with pytest.raises(ImprintError, match="noise must be a positive, finite variance, got 0"):
        FitOptions(out=Path("out"), noise=(0.1, 0.0))
