import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.attack_kit.controls import permuted_membership
from imprint.lenses.membership.attack_kit.run import choose_attacks
from imprint.lenses.membership.findings import MembershipFindings
from imprint.lenses.membership.study.records import AttackedRecords
from imprint.lenses.membership.study.trials import (
    AttackTrial,
    attack_queries,
    list_trials,
    run_trials,
    standard_controls,
    write_trials,
)
from imprint.study.finding import read_finding
from imprint.study.tables import read_table

MEMBERS = np.arange(60) < 30


def evidence(*kinds):
    random = np.random.default_rng(0)
    target = {kind: random.normal(size=(2, 60)) + MEMBERS for kind in kinds}
    return Evidence(target, None, {kind: random.normal(size=(2, 20)) for kind in kinds})


def test_attacks_without_references_have_a_second_trial_on_curvature():
    both = evidence("phi", "log_curvature")
    names = [
        trial.name for trial in list_trials(choose_attacks(["attack_p", "loss", "lira"]), both)
    ]
    assert names == ["attack_p", "attack_p_curvature", "loss", "lira"]
    trial = list_trials([ATTACKS.get("attack_p")], both)[1]
    assert (
        set(trial.restrict(both).target)
        == set(trial.restrict(both).population)
        == {"log_curvature"}
    )


def test_attacks_that_lack_something_are_skipped_and_controls_are_kept_where_they_ran():
    known = evidence("phi")
    trials = list_trials(choose_attacks(["loss", "lira"]), known)

    def controls(trial):
        return {
            "permuted_membership": permuted_membership(known, MEMBERS, trial.attack),
            "swapped_target": None,
        }

    scores, findings = run_trials(trials, known, MEMBERS, {}, 0, controls, {"phi": 3})
    assert set(scores) == {"loss"}
    assert findings.skipped == {"lira": "needs reference models, and there are none"}
    assert findings.attacks["loss"].queries == 3
    assert set(findings.attacks["loss"].controls) == {"permuted_membership"}
    assert run_trials(trials, known, MEMBERS, {}, 0)[1].attacks["loss"].controls is None


def test_no_attack_that_can_be_run_is_an_error():
    trials = [AttackTrial("lira", ATTACKS.get("lira"))]
    with pytest.raises(ImprintError, match="no attack can be run: lira needs reference models"):
        run_trials(trials, evidence("phi"), MEMBERS, {}, 0)


def test_attacks_with_references_pay_for_every_view():
    both, queries = evidence("phi", "log_curvature"), {"phi": 1, "log_curvature": 9}
    cost = {
        name: attack_queries(ATTACKS.get(name), kind, both, queries)
        for name, kind in (
            ("loss", "phi"),
            ("lira", "phi"),
            ("curvature_lr", "log_curvature"),
            ("multi", "phi"),
        )
    }
    assert cost == {"loss": 1, "lira": 2, "curvature_lr": 18, "multi": 18}


def test_scores_exposure_and_findings_are_written(tmp_path):
    known = evidence("phi")
    scores, findings = run_trials([AttackTrial("loss", ATTACKS.get("loss"))], known, MEMBERS, {}, 0)
    records = AttackedRecords(index=np.arange(60) + 100, population=np.arange(3), members=MEMBERS)
    write_trials(tmp_path, scores, findings, records)
    table = read_table(tmp_path / "loss.parquet")
    assert table["index"].tolist() == list(range(100, 160))
    assert (table["score"] == scores["loss"]).all()
    exposed = read_table(tmp_path / "exposure.parquet")
    assert sorted(exposed["index"]) == list(range(100, 130))
    assert (np.diff(exposed["fpr"]) >= 0).all()
    assert read_finding(MembershipFindings, tmp_path / "findings.json").best == "loss"


def test_standard_controls_are_those_that_the_evidence_allows():
    known = evidence("phi")
    trial = AttackTrial("loss", ATTACKS.get("loss"))
    alone = standard_controls(known, MEMBERS, {}, 0)(trial)
    assert [name for name, control in alone.items() if control is not None] == [
        "permuted_membership"
    ]
    with_untrained = standard_controls(known, MEMBERS, {}, 0, evidence("phi"))(trial)
    assert with_untrained["untrained"].value.value > 0.6  # its signals know the members here
