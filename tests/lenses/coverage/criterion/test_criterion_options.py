from dataclasses import dataclass

import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criteria.kmnc import MultisectionOptions
from imprint.lenses.coverage.criteria.nlc import CovarianceOptions
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.criterion.criterion_options import parse_parameters
from imprint.neurons.activations import Layers


def test_texts_become_options_of_the_criteria_they_name() -> None:
    found = parse_parameters(["kmnc.k=10", "nlc.mode=paper", "kmnc.compat=True", "kmnc.k = 20"])
    assert found == {"kmnc": MultisectionOptions(20, True), "nlc": CovarianceOptions("paper")}
    assert parse_parameters([]) == {}


@pytest.mark.parametrize(
    "name",
    ["nc.threshold", "kmnc.k", "tknc.k", "tknp.k", "cc.threshold", "lsc.width", "dsc.width",
     "mdsc.width", "idc.m", "idc.k"],
)  # fmt: skip
def test_published_settings_have_their_names(name: str) -> None:
    criterion, option = name.split(".")
    value = 0 if name == "nc.threshold" else 3
    assert getattr(parse_parameters([f"{name}={value}"])[criterion], option) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kmnc.k", "of the form"),
        ("k=3", "of the form"),
        ("kmcn.k=3", "unknown criterion 'kmcn': choose one of .*kmnc"),
        ("kmnc.n=3", r"no option 'n'; it has: kmnc\.k, kmnc\.compat"),
        ("ssc.k=3", "no option 'k'; it has: none"),
        ("kmnc.k=3.5", r"kmnc\.k is '3\.5': it must be a whole number"),
        ("nc.threshold=high", "must be a number"),
        ("kmnc.compat=yes", "choose one of true, false"),
        ("nlc.mode=fast", "choose one of exact, paper"),
        ("kmnc.k=0", r"kmnc\.k must be at least 1, got 0"),
        ("idc.neurons=1", "is a list, which --param does not take"),
    ],
)
def test_malformed_parameters_are_refused(text: str, message: str) -> None:
    with pytest.raises(ImprintError, match=message):
        parse_parameters([text])


def test_options_may_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Options:
        limit: float | None = 1.0

    monkeypatch.setattr(CRITERIA.get("ssc"), "Options", Options)
    assert parse_parameters(["ssc.limit=none"])["ssc"].limit is None
    assert parse_parameters(["ssc.limit=2"])["ssc"].limit == 2


@pytest.mark.parametrize(
    ("name", "value", "inputs", "ratio"),
    [
        ("nc", 0.3, 50, 0.3),
        ("tknp", 50, 200, 0.25),
        ("tknp", 5000, 20_000, 0.5),
        ("dsc", 20, 200, 0.1),
        ("cc", 900, 200, 1),
        ("nlc", 0.4, 200, 0.4),
        ("nlc", 7.0, 200, 1),
        ("tknp", 0, 0, 0),
    ],
)
def test_values_on_the_scale_of_wisdom(name: str, value: float, inputs: int, ratio: float) -> None:
    criterion = CRITERIA.get(name)(Layers(("a", "b"), (2, 2)))
    assert criterion.published_ratio(value, inputs) == ratio


def test_neural_coverage_in_paper_mode_is_compared_by_its_rise_from_one() -> None:
    criterion = CRITERIA.get("nlc")(Layers(("a",), (2,)), CovarianceOptions("paper"))
    assert criterion.published_ratio(1.25, 200) == 0.25
