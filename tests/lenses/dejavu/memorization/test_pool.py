from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t as student_t

from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.memorization.outcomes import Outcomes
from imprint.lenses.dejavu.memorization.pool import SeedOutcomes, pool_seeds

MEMORIZED, UNASSOCIATED = 1, 3


def side(name, memorized, count=20):
    """Return a side of which the first ``memorized`` images are memorized, the others nothing."""
    kinds = np.where(np.arange(count) < memorized, MEMORIZED, UNASSOCIATED)
    confidence = np.linspace(0, 1, count)
    return Outcomes(
        name, np.arange(count), np.eye(4, dtype=bool)[kinds], confidence, confidence[::-1]
    )


def pair(name, a, b, count=20):
    return SeedOutcomes(name, (side("A", a, count), side("B", b, count)))


def test_the_pooled_score_is_the_mean_over_seeds_and_sides():
    findings = pool_seeds([pair("0", 4, 8), pair("1", 8, 8), pair("2", 12, 8)], (100,))
    scores = [each.scores["100"].value for each in findings.seeds]
    assert scores == pytest.approx([0.3, 0.4, 0.5])
    score = findings.test["100"].score
    assert score.value == pytest.approx(0.4)
    assert score.n == 40
    assert findings.spread["100"].seed_sd.value == pytest.approx(0.1)
    assert findings.spread["100"].seed_sd.n == 3
    reach = student_t.ppf(0.975, 2) * 0.1 / np.sqrt(3)
    assert score.high - score.value > reach


def test_seeds_that_agree_have_the_interval_of_images():
    """The same outcome three times: as wide as one seed's interval, up to the shape of its ends."""
    findings = pool_seeds([pair(str(seed), 60, 90, 150) for seed in range(3)], (100, 20))
    one, pooled = findings.seeds[0].scores["100"], findings.test["100"].score
    assert findings.spread["100"].seed_sd.value == 0
    assert pooled.high - pooled.low == pytest.approx(one.high - one.low, rel=0.05)
    assert findings.test["20"].score.n == 60


def test_shares_stay_within_their_range():
    findings = pool_seeds([pair("0", 0, 0), pair("1", 20, 20)], (100, 20))
    for estimates in findings.test.values():
        assert (estimates.memorized.low, estimates.memorized.high) == (0.0, 1.0)
        assert estimates.score.low >= -1
        assert estimates.score.high <= 1


def test_the_order_of_seeds_changes_nothing_but_their_order():
    pairs = [pair("0", 4, 8), pair("1", 8, 2), pair("2", 12, 8)]
    forwards, backwards = pool_seeds(pairs, (100,)), pool_seeds(pairs[::-1], (100,))
    assert forwards.test["100"].score.ci95 == pytest.approx(backwards.test["100"].score.ci95)
    assert [each.name for each in backwards.seeds] == ["2", "1", "0"]


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([pair("0", 4, 8)], "two pairs of models or more, got 1"),
        ([pair("0", 4, 8), pair("0", 4, 8)], "0 is named twice"),
        ([pair("0", 4, 8), pair("1", 4, 8, 21)], "1 was attacked on other images than 0"),
        ([pair("0", 4, 8), replace(pair("1", 4, 8), sides=(side("A", 4),))], "other images"),
    ],
)
def test_pairs_that_are_not_crossed_are_refused(pairs, message):
    with pytest.raises(ImprintError, match=message):
        pool_seeds(pairs, (100,))
