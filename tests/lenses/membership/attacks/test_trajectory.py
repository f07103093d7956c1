import numpy as np
import pytest

from imprint import membership
from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.attacks.trajectory import relative_losses, trajectory_iqr
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.stats.roc import area
from tests.lenses.membership.attack_cases import score


def falling_losses(models, records=400, seed=0):
    """Losses of members fall earlier; at the last checkpoint members and others are alike."""
    random = np.random.default_rng(seed)
    members = random.random((models, records)) < 0.5
    start = random.uniform(2, 4, size=records)
    shape = np.where(members[:, None], [[[1], [0.4], [0.1]]], [[[1], [0.8], [0.1]]])
    losses = shape * start + 0.05 * random.random((models, 3, records))
    return losses, members


def evidence_of(losses, members):
    phi = np.zeros_like(losses[:, :1])
    cohort = Cohort({"phi": phi[1:], "trajectory": losses[1:]}, members[1:])
    return Evidence({"phi": phi[0], "trajectory": losses[0]}, References(cohort))


@pytest.mark.parametrize("learner", ["boosting", "logistic"])
@pytest.mark.parametrize("models", [2, 5])
def test_members_that_only_the_middle_of_the_curve_tells_are_found(learner, models):
    losses, members = falling_losses(models)
    scores = score("trajectory", evidence_of(losses, members), learner=learner)
    assert area(scores[members[0]], scores[~members[0]]) > 0.9
    last = losses[0, -1]
    assert area(-last[members[0]], -last[~members[0]]) < 0.6


def test_swapped_membership_of_references_gives_one_minus_the_auc():
    losses, members = falling_losses(4)
    losses += np.random.default_rng(5).normal(size=losses.shape)
    own, evidence = members[0], evidence_of(losses, members)
    swapped = evidence_of(losses, np.concatenate([members[:1], ~members[1:]]))
    areas = [area(s[own], s[~own]) for s in (score("trajectory", e) for e in (evidence, swapped))]
    assert areas[0] > 0.6
    assert sum(areas) == pytest.approx(1, abs=0.05)


def test_the_membership_of_the_target_is_never_read():
    losses, members = falling_losses(4)
    cohort = Cohort({"phi": losses[:, :1] * 0, "trajectory": losses}, members)
    inside = Evidence({"trajectory": losses[0]}, References(cohort, 0))
    first = score("trajectory", inside)
    other = np.concatenate([~members[:1], members[1:]])
    cohort = Cohort({"phi": losses[:, :1] * 0, "trajectory": losses}, other)
    again = score("trajectory", Evidence({"trajectory": losses[0]}, References(cohort, 0)))
    np.testing.assert_allclose(first, again, atol=1e-9)


def test_relative_losses_are_distances_from_the_means_of_both_sides():
    losses = np.array([[[3.0], [1.0]], [[2.0], [0.5]], [[4.0], [2.0]], [[6.0], [3.0]]])
    members = np.array([[True], [True], [False], [False]])
    features = relative_losses(evidence_of(losses, members))
    np.testing.assert_allclose(features, [[3, 1, 3 - 5, 1 - 2.5, 3 - 2, 1 - 0.5]])


def test_interquartile_ranges_of_two_curves():
    curves = np.array([[4, 0.3], [2, 0.2], [1, 0.1], [0.5, 0.1], [0.1, 0.1]])
    np.testing.assert_allclose(trajectory_iqr(curves), [1.5, 0.1])
    np.testing.assert_allclose(membership.trajectory_iqr(curves), [1.5, 0.1])


def test_arrays_of_losses_are_attacked_beside_margins():
    losses, members = falling_losses(6)
    result = membership.attack(
        -losses[0, -1],
        members[0],
        signals=-losses[1:, -1],
        members=members[1:],
        trajectory=losses[0],
        trajectory_signals=losses[1:],
        attacks=["trajectory", "loss"],
    )
    assert result["trajectory"].auc.value > 0.9 > result["loss"].auc.value
    scores = membership.trajectory(
        losses[0, -1],
        signals=losses[1:, -1],
        members=members[1:],
        trajectory=losses[0],
        trajectory_signals=losses[1:],
        signal="phi",
    )
    np.testing.assert_allclose(scores, result.scores["trajectory"])
