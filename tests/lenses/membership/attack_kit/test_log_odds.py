import numpy as np
import pytest

from imprint.lenses.membership.attack_kit import log_odds
from imprint.lenses.membership.attack_kit.log_odds import fit_log_odds
from imprint.stats.roc import area


def examples(count=400, gap=1.0):
    random = np.random.default_rng(0)
    members = random.random(count) < 0.25
    return random.normal(size=(count, 2)) + gap * members[:, None] * [1, 0], members


@pytest.mark.parametrize("learner", ["boosting", "logistic"])
def test_swapped_labels_give_one_minus_the_auc(learner):
    features, members = examples()
    scores = fit_log_odds(features, members, learner, 0)(features)
    swapped = fit_log_odds(features, ~members, learner, 0)(features)
    value = area(scores[members], scores[~members])
    assert value > 0.7
    assert area(swapped[members], swapped[~members]) == pytest.approx(1 - value, abs=0.03)


def test_logistic_log_odds_of_equal_normals_are_the_gap_times_the_distance_from_their_middle():
    features, members = examples(20_000)
    rows = np.array([[0.5, 0.0], [1.5, 0.0], [0.5, 1.0]])
    scores = fit_log_odds(features, members, "logistic", 0)(rows)
    np.testing.assert_allclose(scores, [0, 1, 0], atol=0.1)


@pytest.mark.parametrize("learner", ["boosting", "logistic"])
@pytest.mark.parametrize("side", [True, False])
def test_examples_of_one_side_teach_nothing(learner, side):
    features, members = examples(50)
    scores = fit_log_odds(features, np.full_like(members, side), learner, 0)(features)
    assert (scores == 0).all()


@pytest.mark.parametrize("learner", ["boosting", "logistic"])
def test_few_examples_and_extreme_or_constant_features_give_finite_log_odds(learner):
    features = np.array([[0.0, 7.0], [1e100, 7.0], [-1e100, 7.0], [1.0, 7.0]])
    scores = fit_log_odds(features, np.array([True, False, True, False]), learner, 0)(features)
    assert np.isfinite(scores).all()


def test_no_more_examples_than_the_limit_are_learned_from(monkeypatch):
    monkeypatch.setattr(log_odds, "MAX_EXAMPLES", 300)
    features, members = examples()
    seen = fit_log_odds(features, members, "logistic", 0)(features)
    assert not np.array_equal(seen, fit_log_odds(features, members, "logistic", 1)(features))
