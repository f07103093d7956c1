import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.membership.attack_kit.evaluation import balanced_estimate, evaluate
from imprint.stats.roc import best_threshold, roc
from imprint.study.finding import to_json

MEMBERS = np.array([True] * 100 + [False] * 100)


def test_rates_by_hand():
    # 40 members above every non-member, 60 members below all of them.
    scores = np.concatenate([np.full(40, 2.0), np.full(60, -1.0), np.linspace(0, 1, 100)])
    found = evaluate(scores, MEMBERS)
    assert found.auc.value == pytest.approx(0.4)
    assert found.tpr_at_fpr["0.1"].value == 0.4
    assert found.tpr_at_fpr["0.1"].n == 100
    assert found.smallest_fpr == 0.01


def test_nothing_is_claimed_of_rates_that_too_few_non_members_can_place():
    found = to_json(evaluate(np.arange(200.0), MEMBERS))
    assert found["tpr_at_fpr"]["0.1"]["n"] == 100
    reason = found["tpr_at_fpr"]["0.01"]["missing"]
    assert reason.endswith("at an FPR of 0.01: use at least 500 non-members")


def test_as_many_false_positives_as_the_rate_allows_are_counted():
    scores = np.concatenate([np.full(100, 1.0), np.zeros(90), np.full(10, 5.0)])
    assert evaluate(scores, MEMBERS).tpr_at_fpr["0.1"].value == 1.0


def test_balanced_accuracy_covers_that_of_its_own_threshold():
    """Members N(1.5, 1), others N(0, 1); the threshold t is right with Φ(1.5 − t), Φ(t)."""
    random, hits, trials = np.random.default_rng(5), 0, 300
    for seed in range(trials):
        hit, miss = random.normal(1.5, 1, 400), random.normal(size=60)
        halves = generator(seed, "halves for balanced accuracy")
        first, other = halves.permutation(hit)[:200], halves.permutation(miss)[:30]
        threshold = best_threshold(roc(first, other))
        truth = (norm.cdf(1.5 - threshold) + norm.cdf(threshold)) / 2
        members = np.arange(460) < 400
        low, high = evaluate(np.concatenate([hit, miss]), members, (), seed).balanced_accuracy.ci95
        hits += low <= truth <= high
    # Between 93 and 97 %; out of these bounds once in 1,000.
    assert binom.ppf(5e-4, trials, 0.93) <= hits <= binom.ppf(1 - 5e-4, trials, 0.97)


def test_all_ties_are_chance():
    found = evaluate(np.ones(200), MEMBERS)
    assert found.auc.value == 0.5
    assert found.tpr_at_fpr["0.1"].value == 0.0
    assert found.balanced_accuracy.value == 0.5


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_only_the_order_of_scores_matters(seed):
    scores = np.random.default_rng(seed).normal(size=200).round(1)
    plain, bent = evaluate(scores, MEMBERS), evaluate(np.exp(scores) * 3 - 7, MEMBERS)
    assert plain == bent


def test_noise_gets_no_accuracy_from_choosing_its_threshold():
    random = np.random.default_rng(0)
    values = [
        evaluate(random.normal(size=200), MEMBERS, seed=draw).balanced_accuracy.value
        for draw in range(200)
    ]
    # 200 means of 100 held-out records: standard deviation 0.05 / sqrt(200).
    assert abs(np.mean(values) - 0.5) < 4 * 0.05 / np.sqrt(200)


def test_balanced_accuracy_by_hand():
    found = balanced_estimate(8, 10, 9, 10)
    assert found.value == pytest.approx(0.85)
    # Wilson: 8/10 → (0.4902, 0.9433), 9/10 → (0.5958, 0.9821).
    assert found.ci95[0] == pytest.approx(0.85 - np.hypot(0.3098, 0.3042) / 2, abs=1e-4)
    assert found.ci95[1] == pytest.approx(0.85 + np.hypot(0.1433, 0.0821) / 2, abs=1e-4)
    assert found.n == 20


@pytest.mark.parametrize("members", [np.zeros(9, dtype=bool), np.ones(9, dtype=bool)])
def test_one_kind_of_records_alone_is_an_error(members):
    with pytest.raises(ImprintError, match="at least two of each"):
        evaluate(np.arange(9.0), members)


def test_a_score_that_is_no_number_is_an_error():
    with pytest.raises(ImprintError, match="is nan in row 1"):
        evaluate(np.where(np.arange(200) == 1, np.nan, 0.0), MEMBERS)
