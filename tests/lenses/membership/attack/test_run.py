import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack.attack import ATTACKS, Evidence
from imprint.lenses.membership.attack.controls import (
    other_membership,
    permuted_membership,
    swapped_target,
    untrained_target,
    without_model,
)
from imprint.lenses.membership.attack.run import attack_cohort, choose_attacks, run_attacks
from imprint.lenses.membership.cohort.evaluation import evaluate_cohort
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.stats import auc


def simulated(seed=0, models=8, records=400, gap=1.0, balanced=True):
    random = np.random.default_rng(seed)
    draws = random.random((models, records))
    members = np.argsort(draws, axis=0) < models // 2 if balanced else draws < 0.5
    place = random.normal(0, 2, size=records)
    phi = random.normal(size=(models, 1, records)) + place + gap * members[:, None]
    population = random.normal(size=(models, 1, records)) + random.normal(0, 2, size=records)
    return Cohort({"phi": phi}, members, {"phi": population})


def as_target(cohort, row):
    rest = np.arange(len(cohort)) != row
    others = Cohort(
        {"phi": cohort.signals["phi"][rest]},
        cohort.members[rest],
        {"phi": cohort.population["phi"][rest]},
    )
    return Evidence(
        {"phi": cohort.signals["phi"][row]},
        References(others),
        {"phi": cohort.population["phi"][row]},
    )


FAST = ["lira", "lira_fixed", "lira_shrunk", "rmia", "base", "mast", "watson", "attack_r", "multi"]


@pytest.mark.parametrize("name", [*FAST, "quantile", "attack_p", "loss", "lira_offline"])
def test_every_model_is_attacked_as_by_a_cohort_that_never_held_it(name):
    cohort = simulated(balanced=False, models=9, records=60)
    assert cohort.partners is None
    found = attack_cohort(cohort, choose_attacks([name])).scores[name]
    for row in (0, 4, 8):
        alone = ATTACKS.get(name).score(as_target(cohort, row), {})
        np.testing.assert_allclose(found[row], alone, rtol=1e-6, atol=1e-8)


def test_balanced_masks_do_not_leak_who_was_the_target():
    # attack_r compares with the least OUT loss: one OUT model less would be a head start.
    cohort = simulated(seed=2, models=6, records=20_000, gap=0.0)
    for name in ("attack_r", "rmia", "lira_shrunk"):
        scores = attack_cohort(cohort, choose_attacks([name])).scores[name]
        pairs = zip(scores, cohort.members, strict=True)
        areas = [auc(row[inside], row[~inside]).value for row, inside in pairs]
        # Six AUCs of 10,000 against 10,000: standard error 0.0041 / sqrt(6).
        assert abs(np.mean(areas) - 0.5) < 4 * 0.0041 / np.sqrt(6)


def test_a_cohort_with_a_gap_is_told_apart():
    cohort = simulated(models=16)
    scored = attack_cohort(cohort, choose_attacks(FAST))
    for name in FAST:
        assert evaluate_cohort(scored.scores[name], cohort.members).auc.ci95[0] > 0.55


def test_skipped_attacks_say_why():
    cohort = simulated(models=4)
    bare = Cohort(cohort.signals, cohort.members)
    scored = attack_cohort(bare, choose_attacks(["all"]))
    assert scored.skipped["attack_p"] == "needs population records, which are not given"
    assert scored.skipped["curvature_lr"].startswith("needs the signal log_curvature")
    assert set(scored.scores) | set(scored.skipped) == set(ATTACKS.names())
    assert scored.reads["mentr"] == "phi"


def test_the_modified_entropy_of_every_model_can_be_given():
    cohort = simulated(models=4, records=10)
    given = np.random.default_rng(0).random((4, 1, 10))
    scored = attack_cohort(cohort, choose_attacks(["mentr"]), others={"mentr": given})
    assert scored.reads["mentr"] == "mentr"
    assert (scored.scores["mentr"] == -given[:, 0]).all()


def test_names():
    assert [attack.name for attack in choose_attacks(["rmia", "loss", "rmia"])] == ["rmia", "loss"]
    with pytest.raises(ImprintError, match="unknown attack 'lyra': choose one of attack_p"):
        choose_attacks(["lyra"])
    with pytest.raises(ImprintError, match="no attack chosen"):
        choose_attacks([])


def test_one_model_is_no_cohort():
    with pytest.raises(ImprintError, match="give a cohort of two or more"):
        attack_cohort(simulated(models=1), choose_attacks(["loss"]))


def target(seed, members_by_place=False, balanced=False):
    cohort = simulated(seed, models=9, records=3000, balanced=balanced)
    evidence, members = as_target(cohort, 0), cohort.members[0]
    if members_by_place:
        members = cohort.signals["phi"].mean(axis=(0, 1)) > 0
    return evidence, members


@pytest.mark.parametrize("name", ["lira_shrunk", "rmia", "loss", "attack_r", "lira_offline"])
def test_controls_pass_where_only_training_tells(name):
    evidence, members = target(5)
    attack = ATTACKS.get(name)
    assert auc(*split(attack.score(evidence, {}), members)).ci95[0] > 0.5
    assert permuted_membership(evidence, members, attack).passed
    assert swapped_target(evidence, members, attack).passed


def split(scores, members):
    return scores[members], scores[~members]


def test_members_that_are_easier_to_begin_with_fail_the_swap():
    evidence, members = target(6, members_by_place=True)
    control = swapped_target(evidence, members, ATTACKS.get("loss"))
    assert not control.passed
    assert control.to_dict()["expected"] == 0.5
    assert permuted_membership(evidence, members, ATTACKS.get("loss")).passed


def test_the_permutation_moves_masks_and_labels_together():
    # A score that only counts IN models knows the target where its row is among the masks.
    cohort = simulated(models=4, records=2000, balanced=False)
    members = cohort.members[0]
    leaking = Evidence({"phi": cohort.signals["phi"][0]}, References(cohort))

    class Counting:
        name = "counting"

        def score(self, evidence, options):
            return evidence.references.counts[1].astype(float)

    assert not permuted_membership(leaking, members, Counting()).passed


def test_a_target_picked_from_a_balanced_cohort_by_hand_fails_the_permutation():
    # Its members have one IN model fewer than its non-members, and lira_shrunk reads counts.
    evidence, members = target(5, balanced=True)
    assert not permuted_membership(evidence, members, ATTACKS.get("lira_shrunk")).passed


def test_there_is_no_swap_without_references():
    evidence, members = target(7)
    alone = Evidence(evidence.target, None, evidence.population)
    assert swapped_target(alone, members, ATTACKS.get("loss")) is None
    assert permuted_membership(alone, members, ATTACKS.get("loss")).passed


def test_scores_do_not_depend_on_the_order_of_models():
    cohort = simulated(models=9, balanced=False)
    order = np.random.default_rng(1).permutation(8)
    evidence = as_target(cohort, 0)
    judges = evidence.references.cohort
    shuffled = Cohort(
        {"phi": judges.signals["phi"][order]},
        judges.members[order],
        {"phi": judges.population["phi"][order]},
    )
    moved = Evidence(evidence.target, References(shuffled), evidence.population)
    first, second = (run_attacks(one, choose_attacks(FAST)).scores for one in (evidence, moved))
    for name in FAST:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-8, atol=1e-9)


def test_images_that_differ_before_training_fail_the_untrained_control():
    random = np.random.default_rng(5)
    members = np.arange(400) < 200
    noise, loss = random.normal(size=(1, 400)), ATTACKS.get("loss")
    assert untrained_target(Evidence({"phi": noise}), members, loss).passed
    assert not untrained_target(Evidence({"phi": noise + members}), members, loss).passed


@pytest.mark.parametrize("name", FAST)
def test_another_models_members_are_not_told_however_models_differ(name):
    # What each model says of every record differs by more than what training adds.
    cohort = simulated(seed=5, models=8, records=4000, gap=2.0)
    levels = np.arange(8.0)[:, None, None]
    cohort = Cohort(
        {"phi": cohort.signals["phi"] + levels},
        cohort.members,
        {"phi": cohort.population["phi"] + levels},
    )
    control = other_membership(cohort, 0, 1, ATTACKS.get(name))
    assert control.passed
    own = ATTACKS.get(name)
    judged = attack_cohort(cohort, [own]).scores[name][0]
    assert auc(judged[cohort.members[0]], judged[~cohort.members[0]]).ci95[0] > 0.5


def test_a_score_that_copies_the_other_models_members_fails():
    cohort = simulated(seed=6, models=8, records=2000)
    cohort.signals["phi"][0] += 3.0 * cohort.members[1]
    control = other_membership(cohort, 0, 1, ATTACKS.get("loss"))
    assert not control.passed


@pytest.mark.parametrize(("gone", "first"), [(1, 0), (0, 5), (3, 2)])
def test_a_balanced_cohort_without_a_model_stays_balanced(gone, first):
    cohort = simulated(seed=7, models=6, records=50)
    cohort.signals["phi"][...] = np.arange(6.0)[:, None, None]
    left = without_model(cohort, gone, first, np.random.default_rng(0))
    assert (left.members.sum(axis=0) == 2).all()
    assert len(left) == 4
    names = left.signals["phi"][:, 0]
    assert (names[0] == first).all()
    assert (names != gone).all()
    for record in range(50):
        assert len(set(names[:, record])) == 4
        rows = names[:, record].astype(int)
        assert (cohort.members[rows, record] == left.members[:, record]).all()
    assert len(left.population["phi"]) == 4


@pytest.mark.parametrize("name", ["rmia", "base", "attack_r", "lira_shrunk"])
def test_without_a_model_of_independent_coins_nothing_tells_its_members(name):
    """What the gone model saw must not show in which models are left: pooled over 40 cohorts."""
    found = []
    for seed in range(40):
        cohort = simulated(seed=seed, models=6, records=400, gap=3.0, balanced=False)
        control = other_membership(cohort, 0, 1, ATTACKS.get(name), seed=seed)
        found.append(control.value.value)
    # One AUC of 100 and 100 has a standard deviation of 0.041, the mean of 40 of 0.0065.
    assert abs(np.mean(found) - 0.5) < 0.02
