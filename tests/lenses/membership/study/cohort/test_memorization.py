import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.membership.attack_kit.run import attack_cohort, choose_attacks
from imprint.lenses.membership.cohort.references import Cohort
from imprint.lenses.membership.memorization.estimators import estimate_memorization
from imprint.lenses.membership.study.cohort.memorization import (
    find_correlations,
    find_influences,
    find_memorization,
)


def test_nothing_goes_with_memorization_where_nothing_is_memorized():
    # Watson's score is the estimator of memorization in another unit: of the same models both
    # hold the same noise, and their correlation was 0.6. Cross-fitted over 800 records the
    # standard error is 0.025; five of them are allowed.
    random = np.random.default_rng(0)
    phi = random.normal(size=(16, 1, 800)) + random.normal(size=800)
    masks = np.argsort(random.random((16, 800)), axis=0) < 8
    correct = phi[:, 0] > 0

    def watson(rows):
        cohort = Cohort({"phi": phi[rows]}, masks[rows])
        return attack_cohort(cohort, choose_attacks(["watson"])).scores

    shown = find_correlations(masks, correct, None, watson, 0)
    assert abs(shown["watson"].value) < 0.125
    same = estimate_memorization(masks, correct).score
    scores = watson(np.arange(16))["watson"]
    assert np.corrcoef(same, (scores * masks).sum(axis=0) / 8)[0, 1] > 0.4
    share = find_memorization(masks, correct, shown, Missing("not looked for"))
    low, high = share.share_memorized.ci95
    assert low <= share.share_by_chance <= high


def test_a_record_that_few_models_left_out_does_not_hide_the_others():
    random = np.random.default_rng(1)
    masks = random.random((200, 60)) < 0.5
    masks[:199, 0] = True  # left out once: its own error allows nothing
    masks[199, 0] = False
    correct = masks | (random.random((200, 60)) < 0.1)
    apart = np.tile(masks[:, [5]], (1, 10))  # record 5 carries ten test examples
    labels = np.zeros(70, dtype=np.int64)
    pairs, told = find_influences(masks, correct, apart, labels[:60], labels[60:])
    assert set(pairs.train) == {5}
    assert told.pairs == 10
    assert told.least < 0.5
