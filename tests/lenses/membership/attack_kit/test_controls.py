import numpy as np
import pytest

from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.attack_kit.controls import (
    other_membership,
    permuted_membership,
    swapped_target,
    untrained_target,
    without_model,
)
from imprint.lenses.membership.attack_kit.run import attack_cohort
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.stats.roc import auc
from tests.lenses.membership.cohort_cases import as_target, simulated

FAST = ["lira", "lira_fixed", "lira_shrunk", "rmia", "base", "mast", "watson", "attack_r", "multi"]


def target(seed, members_by_place=False, balanced=False):
    cohort = simulated(seed, models=9, records=3000, balanced=balanced)
    evidence, members = as_target(cohort, 0), cohort.members[0]
    if members_by_place:
        members = cohort.signals["phi"].mean(axis=(0, 1)) > 0
    return evidence, members


@pytest.mark.parametrize("name", ["lira_shrunk", "rmia", "loss", "attack_r", "lira_offline"])
def test_controls_pass_where_only_training_separates(name):
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


def test_images_that_differ_before_training_fail_the_untrained_control():
    random = np.random.default_rng(5)
    members = np.arange(400) < 200
    noise, loss = random.normal(size=(1, 400)), ATTACKS.get("loss")
    assert untrained_target(Evidence({"phi": noise}), members, loss).passed
    assert not untrained_target(Evidence({"phi": noise + members}), members, loss).passed


@pytest.mark.parametrize("name", FAST)
def test_another_models_members_stay_hidden_however_models_differ(name):
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
def test_without_a_model_of_independent_coins_its_members_stay_hidden(name):
    """What the gone model saw must not show in which models are left: pooled over 40 cohorts."""
    areas = []
    for seed in range(40):
        cohort = simulated(seed=seed, models=6, records=400, gap=3.0, balanced=False)
        control = other_membership(cohort, 0, 1, ATTACKS.get(name), seed=seed)
        areas.append(control.value.value)
    # One AUC of 100 and 100 has a standard deviation of 0.041, the mean of 40 of 0.0065.
    assert abs(np.mean(areas) - 0.5) < 0.02
