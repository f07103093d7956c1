"""Criteria that were fitted once: what they see, keep and merge is what one measurement gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.measure.coverage_findings import coverage_findings, findings_of
from imprint.lenses.coverage.measure.fitted_criteria import (
    FittedCriteria,
    SeenCoverage,
    fit_criteria,
    merge_seen,
    see_tests,
)
from imprint.lenses.coverage.measure.seen_tests import SeenTests
from imprint.neurons.activations import ActivationTable
from imprint.probe.neurons.activations import rows_of
from imprint.study.finding import to_json
from tests.lenses.coverage.made_activations import LAYERS, training, unseen

NAMES = [name for name in CRITERIA.names() if name != "wisdom"]


@pytest.fixture(scope="module")
def fitted() -> FittedCriteria:
    settings = {name: CRITERIA.get(name).Options() for name in NAMES}
    return fit_criteria(LAYERS, settings, training(), gaps=True)


@pytest.fixture(scope="module")
def tests() -> ActivationTable:
    batch = unseen(90)
    return ActivationTable(LAYERS, batch.values.numpy(), batch.labels.numpy())


def kept(fitted: FittedCriteria, seen: SeenCoverage) -> SeenCoverage:
    """Return what was seen after a way through named tensors."""
    states = {}
    for name, each in seen.seen.items():
        states[name] = SeenTests.none(fitted.criteria[name], len(each.parts))
        states[name].load_state_dict(each.state_dict())
    return replace(seen, seen=states)


def test_what_is_kept_has_the_same_findings(fitted: FittedCriteria, tests: ActivationTable) -> None:
    settings = dict(fitted.settings)
    whole = coverage_findings(training(), tests, settings, {}, 0, gaps=True)
    assert not whole.missing
    assert whole.gaps
    again = findings_of(fitted, kept(fitted, see_tests(fitted, tests, 0)), {})
    expected = to_json(whole)
    for name in ("clusters", "listed"):  # need training activations, which a file does not hold
        assert expected["cells"]["idc"].pop(name)
    expected["cells"]["idc"].pop("scores", None)
    assert to_json(again) == expected


def test_merged_parts_are_the_union(fitted: FittedCriteria, tests: ActivationTable) -> None:
    rows = [np.arange(40), np.arange(40, 90)]
    parts = [
        kept(fitted, see_tests(fitted, rows_of(tests, part), 0, first=1000 * place))
        for place, part in enumerate(rows)
    ]
    merged = findings_of(fitted, merge_seen(parts), {})
    whole = findings_of(fitted, see_tests(fitted, tests, 0), {})
    assert set(merged.missing) == {"cc"}
    assert "order" in merged.missing["cc"]
    assert merged.gaps == whole.gaps
    for name, each in merged.measured.items():
        expected = whole.measured[name]
        assert each.n == 90
        if name == "nlc":
            assert each.value == pytest.approx(expected.value, rel=1e-9)
            continue
        assert (each.value, each.ceiling, each.ci95) == (
            expected.value,
            expected.ceiling,
            expected.ci95,
        ), name


def test_tests_without_classes_lack_the_criteria_that_read_them(
    fitted: FittedCriteria, tests: ActivationTable
) -> None:
    seen = see_tests(fitted, replace(tests, labels=None), 0)
    assert set(seen.missing) == {name for name in NAMES if CRITERIA.get(name).reads_labels}
    strange = see_tests(fitted, replace(tests, labels=np.full(90, 7)), 0)
    assert strange.missing["lsc"] == "no training input has class 7, which test inputs have"
