from dataclasses import replace

import pytest

from imprint.core.missing import Missing
from imprint.lenses.membership.findings import MembershipFindings
from imprint.lenses.membership.page.front import membership_verdicts
from imprint.report.prose import plain
from imprint.stats.estimate import Estimate
from imprint.study.finding import to_json
from tests.lenses.membership.cohort_finding_cases import attack, cohort
from tests.lenses.membership.privacy_cases import audited


def verdicts(findings):
    return membership_verdicts({"membership": to_json(findings)})


def one_network(tpr, auc=0.8, passed=True):
    finding = replace(attack(auc, passed), tpr_at_fpr={"0.01": tpr})
    return MembershipFindings(attacks={"lira": finding}, skipped={})


def test_records_called_at_a_low_rate_are_counted():
    (verdict,) = verdicts(one_network(Estimate(0.18, (0.1, 0.26), 200)))
    assert verdict.statement == "Single training images can be identified"
    assert verdict.number == "TPR at 1% FPR of lira"
    assert verdict.value == Estimate(0.18, (0.1, 0.26), 200)
    assert verdict.controls == {"permuted membership": True}
    assert plain(verdict.exposed.value) == "36 of 200"
    assert verdict.exposed.note == "at 1% FPR by lira · 95% interval 20 to 52; guessing: 2"


def test_no_record_is_exposed_where_no_rate_is_beaten():
    (verdict,) = verdicts(one_network(Estimate(0.01, (0.0, 0.05), 200), passed=False))
    assert verdict.statement == "Members score higher on average"
    assert verdict.number == "AUC of lira"
    assert verdict.controls == {"permuted membership": False}
    assert verdict.exposed.value == "none"
    assert verdict.exposed.note == "no attack finds more members than guessing at 1% FPR"
    (unresolved,) = verdicts(one_network(Missing("too few"), auc=0.5))
    assert not unresolved.found
    assert unresolved.statement == "No attack separates members from non-members"
    assert unresolved.exposed.value == "unknown"
    assert unresolved.exposed.note == "too few non-members to place a threshold at a low FPR"


def test_a_cohort_says_what_share_is_exposed_and_what_is_memorized():
    attacks, memorized = verdicts(cohort())
    assert plain(attacks.exposed.value) == "40.0%"
    assert "of a model’s members at 10% FPR by lira" in attacks.exposed.note
    assert memorized.found
    assert memorized.value == Estimate(0.2, (0.15, 0.25), 96)
    assert "noise alone: 10.0%" in memorized.number


@pytest.mark.parametrize(("bound", "refuted"), [(0.5, False), (2.5, True)])
def test_a_privacy_audit_names_bound_and_accounted_epsilon(bound, refuted):
    (verdict,) = membership_verdicts({"membership": {"privacy": to_json(audited(bound))}})
    assert verdict.found == refuted
    assert ("leaks more" in verdict.statement) == refuted
    assert verdict.value == bound
    assert verdict.number.startswith("lower bound on ε; accounted ε ")
