from typing import Any

import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.findings import (
    AttackFinding,
    LabelOnlyFinding,
    MembershipFindings,
    best_attack,
    names_by_auc,
    resolved_fprs,
)
from imprint.stats.control import Control
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json, to_json
from tests.lenses.membership.evaluation_cases import make_evaluation


def test_the_best_attack_is_the_one_at_the_least_rate_all_show() -> None:
    attacks = {
        "wide": make_evaluation((0.9, 0.8, 0.95), (0.02, 0.0, 0.1)),
        "sharp": make_evaluation((0.7, 0.6, 0.8), (0.3, 0.2, 0.4)),
    }
    assert best_attack(attacks) == ("sharp", "0.01")
    assert names_by_auc(attacks) == ["wide", "sharp"]
    attacks["coarse"] = make_evaluation((0.6, 0.5, 0.7), None)
    assert resolved_fprs(attacks) == ["0.1"]
    assert best_attack(attacks) == ("wide", "0.1")


def finding(**changes: Any) -> AttackFinding:
    return AttackFinding(**vars(make_evaluation((0.6, 0.55, 0.65), None)), reads="phi", **changes)


def test_without_attacks_there_is_no_best_one() -> None:
    with pytest.raises(ImprintError, match="no membership attack was run"):
        best_attack({})


def test_findings_are_the_same_after_json() -> None:
    passed = Control("Shuffled.", Estimate(0.5, (0.45, 0.55), 200), 0.5)
    failed = Control("Swapped.", Estimate(0.7, (0.65, 0.75), 200), 0.5)
    attack = finding(controls={"permuted_membership": passed, "swapped_target": failed})
    labels = LabelOnlyFinding(**vars(finding(queries=9)), mean_queries=4.5, no_boundary=1)
    findings = MembershipFindings(
        attacks={"lira": attack}, skipped={"mast": "needs IN models"}, label_only=labels
    )
    content = to_json(findings)
    assert from_json(MembershipFindings, content, "summary.json") == findings
    assert content["attacks"]["lira"]["controls"]["swapped_target"]["passed"] is False
    assert content["attacks"]["lira"]["tpr_at_fpr"]["0.01"] == {
        "missing": "50 non-members show none"
    }
    assert "triage" not in content
    assert attack.failed_controls == ["swapped_target"]
    assert list(findings.all_attacks) == ["lira", "label_only"]
