import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.dejavu.findings import (
    AgainstReference,
    Significance,
    SweepPoint,
    TwoModelFindings,
    probe_accuracy,
)
from imprint.study.finding import from_json, to_json
from imprint.train.probe_options import ProbeAccuracies, ProbeAccuracy
from tests.lenses.dejavu.page.cases import estimates


def test_findings_survive_the_way_through_json_and_leave_out_what_is_not_there():
    findings = TwoModelFindings({"100": estimates()}, Significance(3, 1, 0.625))
    plain = to_json(findings)
    assert set(plain) == {"two_model", "significance"}
    assert plain["two_model"]["100"]["score"] == {"value": 0.0, "ci95": [-0.1, 0.1], "n": 90}
    assert from_json(TwoModelFindings, plain, "summary.json") == findings


def test_a_missing_strength_is_told_from_one_that_is_there():
    against = AgainstReference({}, Significance(0, 0, 1.0), Missing("no image is memorized"))
    assert from_json(AgainstReference, to_json(against), "x") == against


def test_a_finding_without_its_significance_is_refused():
    with pytest.raises(ImprintError, match="there is no 'significance'"):
        from_json(TwoModelFindings, {"two_model": {}}, "summary.json")


def test_probes_are_averaged_over_both_encoders():
    accuracies = [
        ProbeAccuracies(ProbeAccuracy(a, 1.0, 9), ProbeAccuracy(0.1, 1.0, 9)) for a in (0.4, 0.8)
    ]
    point = SweepPoint(
        "k", "5", 3, True, 1, {}, linear_probe=dict(zip("AB", accuracies, strict=True))
    )
    assert probe_accuracy(point, "train") == pytest.approx(0.6)
    assert np.isnan(probe_accuracy(SweepPoint("k", "5", 3, True, 1, {}), "train"))
