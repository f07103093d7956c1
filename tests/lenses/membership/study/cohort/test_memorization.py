import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.membership.attack.run import attack_cohort, choose_attacks
from imprint.lenses.membership.cohort.references import Cohort
from imprint.lenses.membership.memorization.estimators import estimate_memorization
from imprint.lenses.membership.study.cohort.answers import CohortAnswers
from imprint.lenses.membership.study.cohort.memorization import (
    find_correlations,
    find_influences,
    find_memorization,
)
from imprint.lenses.membership.study.records import RecordPool
from imprint.lenses.membership.study.signals import ModelSignals


def test_nothing_goes_with_memorization_where_nothing_is_memorized():
    # Watson's score is the estimator of memorization in another unit: of the same models both
    # hold the same noise, and their correlation was 0.6. Cross-fitted over 800 records the
    # standard error is 0.025; five of them are allowed.
    random = np.random.default_rng(0)
    phi = random.normal(size=(16, 1, 800)) + random.normal(size=800)
    masks = np.argsort(random.random((16, 800)), axis=0) < 8
    answers = [
        ModelSignals({"phi": row, "mentr": row}, {}, row[0] > 0, np.zeros(0, bool)) for row in phi
    ]
    pool = RecordPool(index=np.arange(800), population=np.zeros(0, dtype=np.int64))
    found = CohortAnswers(answers, None, masks, pool, np.zeros(800, dtype=np.int64))

    def watson(rows):
        cohort = Cohort({"phi": phi[rows]}, masks[rows])
        return attack_cohort(cohort, choose_attacks(["watson"])).scores

    shown = find_correlations(found, watson, 0)
    assert abs(shown["watson"].value) < 0.125
    same = estimate_memorization(masks, phi[:, 0] > 0).score
    scores = watson(np.arange(16))["watson"]
    assert np.corrcoef(same, (scores * masks).sum(axis=0) / 8)[0, 1] > 0.4
    share = find_memorization(found, shown, Missing("not looked for"))
    low, high = share.share_memorized.ci95
    assert low <= share.share_by_chance <= high


def test_a_record_that_few_models_left_out_does_not_hide_the_others():
    random = np.random.default_rng(1)
    masks = random.random((200, 60)) < 0.5
    masks[:199, 0] = True  # left out once: its own error allows nothing
    masks[199, 0] = False
    correct = masks | (random.random((200, 60)) < 0.1)
    apart = np.tile(masks[:, [5]], (1, 10))  # record 5 carries ten test examples
    answers = [
        ModelSignals({"phi": np.zeros((1, 60)), "mentr": np.zeros((1, 60))}, {}, right, carried)
        for right, carried in zip(correct, apart, strict=True)
    ]
    pool = RecordPool(index=np.arange(60), population=np.arange(60, 70))
    found = CohortAnswers(answers, None, masks, pool, np.zeros(70, dtype=np.int64))
    pairs, told = find_influences(found)
    assert set(pairs.train) == {5}
    assert told.pairs == 10
    assert told.least < 0.5
