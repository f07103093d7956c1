import numpy as np
import pytest

from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.attacks.classifier import signal_features
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.stats.roc import area
from tests.lenses.membership.attack_cases import score, simulate


def test_features_are_signals_distances_and_moments():
    phi = np.array([1.0, 3.0, 4.0, 6.0])[:, None, None]
    members = np.array([[False], [False], [True], [True]])
    evidence = Evidence({"phi": np.array([[2.5]])}, References(Cohort({"phi": phi}, members)))
    row = signal_features(evidence, ("phi",), np.array([[7.0], [8.0]]))
    expected = [7, 8, 2.5, 0.5, -2.5, np.log1p(np.exp(-2.5)), 2, 5, 1, 1]
    np.testing.assert_allclose(row, [expected])


def test_membership_that_only_a_feature_reveals_beside_the_signal_is_learned():
    # Members of kind 1 have smaller margins, others larger ones: a fixed rule is at chance.
    random = np.random.default_rng(0)
    members, kind = random.random((6, 600)) < 0.5, random.random(600) < 0.5
    phi = random.normal(size=(6, 1, 600)) + np.where(kind, -2, 2) * members[:, None]
    cohort = Cohort({"phi": phi[1:]}, members[1:])
    features = np.array([kind], dtype=float)
    evidence = Evidence({"phi": phi[0], "features": features}, References(cohort))
    scores = score("classifier", evidence, learner="boosting")
    assert area(scores[members[0]], scores[~members[0]]) > 0.8


@pytest.mark.parametrize("target", [None, 2])
def test_the_membership_of_the_target_is_never_read(target):
    evidence, members = simulate(4, models=6, records=200, target=target)
    scores = score("classifier", evidence)
    if target is not None:
        cohort = evidence.references.cohort
        masks = cohort.members.copy()
        masks[target] = ~masks[target]
        # Its own row alone changes; partners follow the balance, so they are kept as they were.
        moved = Cohort(cohort.signals, masks, cohort.population)
        moved.partners = cohort.partners
        other = Evidence(evidence.target, References(moved, target), evidence.population)
        again = score("classifier", other)
        np.testing.assert_allclose(scores, again, atol=1e-6)
    assert area(scores[members], scores[~members]) > 0.5
