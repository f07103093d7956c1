import numpy as np
import pytest
from scipy.stats import norm

from imprint import membership
from imprint.core.errors import ImprintError
from imprint.stats.roc import area


def test_noise_is_at_chance_since_no_record_is_scored_by_a_classifier_that_saw_it():
    random = np.random.default_rng(0)
    features, members = random.normal(size=(4000, 5)), random.random(4000) < 0.5
    scores, evaluation = membership.upper_bound(features.T, members)
    # Standard error of an AUC of noise: sqrt((n + 1) / 12 m n), four of them.
    assert abs(area(scores[members], scores[~members]) - 0.5) < 4 * np.sqrt(1 / (12 * 1000))
    assert evaluation.auc.value == pytest.approx(area(scores[members], scores[~members]))


@pytest.mark.parametrize("learner", ["boosting", "logistic"])
def test_a_gap_in_one_signal_is_found(learner):
    random = np.random.default_rng(1)
    members = random.random(4000) < 0.3
    signals = random.normal(size=(2, 4000)) + [[2], [0]] * members
    scores, _ = membership.upper_bound(signals, members, learner=learner, folds=3)
    best = norm.cdf(2 / np.sqrt(2))
    assert area(scores[members], scores[~members]) == pytest.approx(best, abs=0.02)


@pytest.mark.parametrize(
    ("signals", "members", "folds", "message"),
    [
        (np.zeros((1, 9)), np.arange(9) < 3, 2, "2 folds of 9 records, 3 of them on the smaller"),
        (np.zeros((1, 9)), np.arange(9) < 4, 1, "at least two folds"),
        (np.zeros((1, 8)), np.arange(9) < 4, 2, "signals must be"),
        (np.full((1, 9), np.nan), np.arange(9) < 4, 2, "nan"),
    ],
)
def test_too_few_records_or_wrong_arrays_are_errors(signals, members, folds, message):
    with pytest.raises(ImprintError, match=message):
        membership.upper_bound(signals, members, folds=folds)
