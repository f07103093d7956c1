from pathlib import Path

import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.experiments.ablation_options import AblateOptions
from imprint.lenses.coverage.experiments.adversarial_options import AdversarialOptions
from imprint.lenses.coverage.experiments.class_options import ClassesOptions
from imprint.lenses.coverage.experiments.cost_options import CostOptions
from imprint.lenses.coverage.experiments.impartiality_options import ImpartialityOptions
from imprint.lenses.coverage.experiments.sensitivity_options import SensitivityOptions
from imprint.lenses.coverage.options import CoverageStep, MeasureOptions, WisdomOptions
from imprint.lenses.coverage.selection_options import SelectOptions
from imprint.study.config import parse


def test_old_spellings_are_taken_with_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    words = (
        "--out o --subject m.pt --train a --test b --train-records 5 --vote-methods la --exclude x"
    )
    options = parse(MeasureOptions, [*words.split(), "--exclude", "x"], "imprint coverage measure")
    assert (options.model, options.members, options.tests) == (Path("m.pt"), Path("a"), Path("b"))
    assert (options.member_records, options.vote_attributions) == (5, ("la",))
    assert options.exclude_layers == ("x",)
    assert "--subject is now --model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "option", "message"),
    [
        (CoverageStep, {"records": -1}, "records must be at least 0, got -1"),
        (WisdomOptions, {"batch_size": 0}, "batch_size must be at least 1, got 0"),
        (MeasureOptions, {"centre_fraction": 2.0}, r"centre_fraction must be in \(0, 1\], got 2"),
        (MeasureOptions, {"storage": "float64"}, "storage must be one of"),
    ],
)
def test_values_out_of_range_are_refused(kind: type, option: dict, message: str) -> None:
    out = {} if kind is CoverageStep else {"out": Path("o")}
    with pytest.raises(ImprintError, match=message):
        kind(**out, **option)


@pytest.mark.parametrize(
    ("kind", "option"),
    [
        (AblateOptions, "draws"),
        (AdversarialOptions, "draws"),
        (AdversarialOptions, "attack_steps"),
        (ClassesOptions, "draws"),
        (CostOptions, "repeats"),
        (ImpartialityOptions, "sets"),
        (SelectOptions, "random_draws"),
        (SensitivityOptions, "draws"),
    ],
)
def test_more_draws_than_any_study_needs_are_refused(kind: type, option: str) -> None:
    with pytest.raises(ImprintError, match=rf"{option} must be in .*10000\], got 1000000000000"):
        kind(out=Path("o"), **{option: 10**12})
