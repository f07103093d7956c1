import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.membership.attack_kit.evaluation import evaluate
from imprint.lenses.membership.cohort.evaluation import evaluate_cohort, mean_curve
from imprint.lenses.membership.cohort.exposure import called
from imprint.stats.roc import roc, tpr_at_fpr


def test_a_cohort_is_the_mean_of_its_targets():
    random = np.random.default_rng(1)
    scores, members = random.normal(size=(5, 200)), random.random((5, 200)) < 0.5
    found = evaluate_cohort(scores, members)
    single = [evaluate(*pair).auc.value for pair in zip(scores, members, strict=True)]
    assert found.auc.value == pytest.approx(np.mean(single))
    assert found.auc.n == 5
    assert found.auc.ci95[0] < found.auc.value < found.auc.ci95[1]
    assert isinstance(found.tpr_at_fpr["0.001"], Missing)
    rates = [evaluate(*pair).tpr_at_fpr["0.1"].value for pair in zip(scores, members, strict=True)]
    assert found.tpr_at_fpr["0.1"].value == pytest.approx(np.mean(rates))


def test_intervals_of_a_cohort_cover_other_records_and_other_models():
    # Records that are hard for every model make targets alike: the spread over targets alone
    # covered in half of the cases, the sum of both spreads in 97 to 100 %. Of 60 cohorts at 95 %,
    # 51 or fewer are covered by chance once in a thousand.
    random = np.random.default_rng(3)

    def cohort():
        hardness = random.normal(size=200) * 1.5
        effect = np.where(random.random(200) < 0.3, 2.0, 0.0)
        members = np.argsort(random.random((12, 200)), axis=0) < 6
        return random.normal(size=(12, 200)) + hardness + effect * members, members

    found = [evaluate_cohort(*cohort(), fprs=(0.1,), seed=run) for run in range(60)]
    for values in (
        [one.auc for one in found],
        [one.tpr_at_fpr["0.1"] for one in found],
        [one.balanced_accuracy for one in found],
    ):
        truth = np.mean([one.value for one in values])
        covered = [one.ci95[0] <= truth <= one.ci95[1] for one in values]
        assert sum(covered) >= 52
        width = np.mean([one.ci95[1] - one.ci95[0] for one in values])
        assert width < 6 * np.std([one.value for one in values])


def test_ties_in_a_cohort_count_half_and_are_not_found():
    members = np.tile(np.arange(120) < 60, (3, 1))
    found = evaluate_cohort(np.ones((3, 120)), members, fprs=(0.1,))
    assert found.auc.value == 0.5
    assert found.tpr_at_fpr["0.1"].value == 0.0


def test_a_cohort_of_few_records_is_an_error():
    with pytest.raises(ImprintError, match="39 records are too few"):
        evaluate_cohort(np.zeros((4, 39)), np.tile(np.arange(39) < 20, (4, 1)))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), rates=st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_curves_are_the_mean_of_exact_rates_with_ties(seed, rates):
    random = np.random.default_rng(seed)
    scores = random.integers(0, 6, size=(3, 30)).astype(float)
    members = random.permuted(np.tile(np.arange(30) < 14, (3, 1)), axis=1)
    found = mean_curve(scores, members, np.array(rates))
    for rate, value in zip(rates, found, strict=True):
        exact = [
            tpr_at_fpr(roc(score[inside], score[~inside]), min(1.0, rate + 1e-12))
            for score, inside in zip(scores, members, strict=True)
        ]
        assert value == pytest.approx(np.mean(exact))


def test_calls_at_a_rate_agree_with_the_curve():
    random = np.random.default_rng(1)
    scores, members = random.normal(size=(4, 200)), random.random((4, 200)) < 0.5
    for rate in (0.0, 0.01, 0.1, 0.5):
        hit = called(scores, members, rate)
        shares = [(hit[row] & members[row]).sum() / members[row].sum() for row in range(4)]
        assert mean_curve(scores, members, np.array([rate]))[0] == pytest.approx(np.mean(shares))
        alarms = [(hit[row] & ~members[row]).sum() / (~members[row]).sum() for row in range(4)]
        assert max(alarms) <= rate + 1e-12
