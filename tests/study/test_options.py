from pathlib import Path

import pytest

from imprint.core.bounds import OptionError
from imprint.study.config import parse
from imprint.study.options import CropChoice, DataChoice, ModelChoice, WeightsChoice


def test_the_flags_of_weights_that_were_set_are_named():
    assert WeightsChoice().weights_flags == ()
    assert WeightsChoice(card=Path("c"), std=(0.5,)).weights_flags == ("--card", "--std")


def test_the_model_is_given_as_such_or_by_its_old_name(capsys):
    assert parse(ModelChoice, ["--model", "m.pth"], "test").model == Path("m.pth")
    assert parse(ModelChoice, ["--subject", "m.pth"], "test").model == Path("m.pth")
    assert "--subject is now --model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (DataChoice, {"composite_count": 9}, "must be at least 10, got 9: one of each class"),
        (DataChoice, {"background_correlation": 1.5}, r"must be in \[0, 1\], got 1.5"),
        (DataChoice, {"box_margin": -1}, "must be at least 0, got -1"),
        (CropChoice, {"corner_fraction": 0.0}, r"must be in \(0, 1\], got 0"),
        (CropChoice, {"centre_fraction": 1.2}, r"must be in \(0, 1\], got 1.2"),
        (CropChoice, {"crop": "middle"}, "must be one of slab, maxrect, corner, got 'middle'"),
    ],
)
def test_values_out_of_range_are_refused(kind, values, message):
    with pytest.raises(OptionError, match=f"{next(iter(values))} {message}"):
        kind(**values)
