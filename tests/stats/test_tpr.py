import numpy as np
import pytest
from scipy.stats import beta, binom, norm

from imprint.core.errors import ImprintError
from imprint.stats.proportion import clopper_pearson
from imprint.stats.roc import roc, tpr_at_fpr
from imprint.stats.tpr import _positives_above, too_few_negatives, true_positive_rate

TRIALS = 300


def covers(hits: int) -> bool:
    """Whether so many of TRIALS intervals fit a coverage of 93 to 97 %; wrong once in 1,000."""
    return bool(binom.ppf(5e-4, TRIALS, 0.93) <= hits <= binom.ppf(1 - 5e-4, TRIALS, 0.97))


def normals(shift):
    def draw(random, members, others):
        return random.normal(shift, 1, members), random.normal(size=others)

    return draw, lambda fpr: norm.sf(norm.isf(fpr) - shift)


def rounded(random, members, others):
    """Scores that take few values: halves of a normal's, so every threshold is a tie."""
    scores = random.normal(1.5, 1, members), random.normal(size=others)
    return tuple(np.floor(2 * score) for score in scores)


def rounded_rate(fpr):
    edges = np.arange(-10, 20) / 2
    allowed = edges[norm.sf(edges) <= fpr]
    return norm.sf(allowed[0] - 1.5)


def heavy(random, members, others):
    """A tenth of the members far out, everything with the tails of Cauchy's distribution."""
    far = 40.0 * (random.random(members) < 0.1)
    return random.standard_cauchy(members) + far, random.standard_cauchy(others)


def heavy_rate(fpr):
    at = 1 / np.tan(np.pi * fpr)
    above = [0.5 - np.arctan(at - far) / np.pi for far in (0.0, 40.0)]
    return 0.9 * above[0] + 0.1 * above[1]


@pytest.mark.parametrize(
    ("draw", "rate", "members", "others", "fpr"),
    [
        (*normals(1.5), 1000, 100, 0.1),
        (*normals(1.5), 1000, 100, 0.05),
        (*normals(0.3), 60, 500, 0.1),
        (heavy, heavy_rate, 200, 200, 0.05),
        (rounded, rounded_rate, 300, 100, 0.1),
    ],
    ids=["1000_against_100", "five_false_positives", "weak", "heavy_tails", "ties"],
)
def test_intervals_cover_the_rate_at_the_true_threshold(draw, rate, members, others, fpr):
    random, truth, hits = np.random.default_rng(7), rate(fpr), 0
    for _ in range(TRIALS):
        low, high = true_positive_rate(*draw(random, members, others), fpr).ci95
        hits += low <= truth <= high
    assert covers(hits)


def few_values(random, members, others):
    """Four values; others reach the second highest or more with a chance of 0.1005."""
    own = random.choice(4, others, p=[0.5, 0.3995, 0.0705, 0.03])
    return random.integers(0, 4, members), own


def test_intervals_cover_where_a_value_lies_just_above_the_rate_asked_for():
    """The rate is ¼ at the true threshold and ½ one value lower; tails of 3 % covered 86 %."""
    random, misses = np.random.default_rng(7), 0
    for _ in range(2 * TRIALS):
        low, high = true_positive_rate(*few_values(random, 300, 300), 0.1).ci95
        misses += not low <= 0.25 <= high
    # More than 6 % missed: wrong once in 1,000.
    assert misses <= binom.ppf(1 - 1e-3, 2 * TRIALS, 0.06)


def test_a_threshold_taken_as_known_covers_less_than_half():
    random, truth, hits = np.random.default_rng(7), norm.sf(norm.isf(0.1) - 1.5), 0
    for _ in range(TRIALS):
        curve = roc(random.normal(1.5, 1, 1000), random.normal(size=100))
        low, high = clopper_pearson(round(1000 * tpr_at_fpr(curve, 0.1)), 1000)
        hits += low <= truth <= high
    assert hits < 0.5 * TRIALS


def test_positives_on_one_side_of_every_threshold_leave_a_proportion():
    """40 of 100 above all negatives: whatever the threshold, Jeffreys' posterior of 40 in 100."""
    scores = np.concatenate([np.full(40, 2.0), np.full(60, -1.0)])
    estimate = true_positive_rate(scores, np.linspace(0, 1, 100), 0.1)
    assert estimate.value == 0.4
    assert estimate.ci95 == pytest.approx(beta.ppf([0.03, 0.97], 40.5, 60.5), abs=1e-4)
    assert estimate.n == 100


def test_mixture_by_hand():
    """Ten negatives, fpr ½: j of them above with chance C(10, j)/1024; one positive beats four."""
    count, weight = _positives_above(np.array([5.5, -1.0]), np.arange(10.0), 0.5)
    above = binom.cdf(3, 10, 0.5)  # at most 3 above: the threshold is at least 6
    assert weight[count == 0] == pytest.approx(above, abs=1e-5)
    assert weight[count == 1] == pytest.approx(binom.pmf(np.arange(5, 10), 10, 0.5).sum(), abs=1e-5)
    # Between 6 and 5 the threshold may have the positive on either side.
    parts = weight[(count > 0) & (count < 1)]
    assert parts == pytest.approx(np.full(4, binom.pmf(4, 10, 0.5) / 4), abs=1e-5)


def test_only_the_order_of_scores_matters():
    random = np.random.default_rng(0)
    hit, miss = random.normal(1, 1, 80), random.normal(size=120)
    assert true_positive_rate(np.exp(hit), np.exp(miss), 0.1) == true_positive_rate(hit, miss, 0.1)


def test_the_interval_holds_its_value_at_the_ends():
    nothing = true_positive_rate(np.zeros(50), np.ones(100), 0.1)
    everything = true_positive_rate(np.ones(50), np.zeros(100), 0.1)
    assert nothing.value == nothing.ci95[0] == 0
    assert everything.value == everything.ci95[1] == 1
    assert 0.04 < nothing.ci95[1] < 0.06


def test_fewer_than_five_expected_false_positives_give_no_interval():
    reason = true_positive_rate(np.arange(1000.0), np.arange(100.0), 0.01)
    assert reason.missing == (
        "100 non-members give 1 expected false positive at an FPR of 0.01: "
        "use at least 500 non-members"
    )
    assert too_few_negatives(500, 0.01) is None
    assert too_few_negatives(5000, 0.001) is None
    assert too_few_negatives(499, 0.01) is not None
    assert "4.5 expected false positives" in too_few_negatives(450, 0.01)


def test_scores_that_are_no_numbers_are_an_error():
    with pytest.raises(ImprintError, match="scores of negatives is nan in row 0"):
        true_positive_rate([1.0], [np.nan, *range(99)], 0.1)
