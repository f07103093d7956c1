import dataclasses
import typing

import pytest

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.leave_one_out import (
    findings,
    influence_quality_findings,
    retraining_findings,
)
from imprint.lenses.leave_one_out.findings import (
    DuplicateGroups,
    Duplicates,
    InfluentialRecords,
    NearCopies,
    QueryFindings,
    QueryStudyFindings,
    StrongestRecords,
)
from imprint.lenses.leave_one_out.retraining_findings import (
    ComparedCurve,
    ComparedCurves,
    LineFindings,
)
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json, to_json

GROUPS = DuplicateGroups(1, 2, 0, ((3, 4),), ())
CURVES = ComparedCurves(*[ComparedCurve((1.0,), None, (0.5,))] * 2)


@pytest.mark.parametrize(
    "finding",
    [
        Duplicates(GROUPS, NearCopies(1, 2, 0, ((3, 4),), (), 0.01), GROUPS),
        Duplicates(GROUPS, Missing("why"), Missing("why")),
        QueryStudyFindings(queries=Missing("why")),
        QueryStudyFindings(
            queries=QueryFindings(
                1,
                ("auc",),
                StrongestRecords((4,), (0.5,)),
                ("cat",),
                ({"raise": InfluentialRecords((1,), (0.25,))},),
            )
        ),
        LineFindings(1, 2, 0.1, (0.0,), {"auc": CURVES, "kl_out_in": Missing("why")}, {}),
        findings.GivenAwayShare(0.5, (0.25, 0.75), 10, 0.5, 0.001),
        findings.CheckedExtremes((1, 2), 0),
    ],
)
def test_findings_come_back_from_json(finding):
    assert from_json(type(finding), to_json(finding), "test") == finding


def test_what_is_missing_in_json_is_named():
    with pytest.raises(ImprintError, match="there is no 'kernel'"):
        from_json(findings.FitFindings, {"noise": 0.1}, "summary.json")


def test_every_class_of_findings_is_a_frozen_dataclass_with_types():
    kinds = [
        kind
        for module in (findings, retraining_findings, influence_quality_findings)
        for kind in vars(module).values()
        if isinstance(kind, type) and kind.__module__ == module.__name__
    ]
    assert len(kinds) > 40
    for kind in kinds:
        assert dataclasses.is_dataclass(kind)
        assert kind.__dataclass_params__.frozen
        assert typing.get_type_hints(kind)
    assert issubclass(findings.DistinguishableShare, Estimate)
