import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.truth import paired_auc as module
from imprint.lenses.leave_one_out.truth.ground_truth import attack_auc
from imprint.lenses.leave_one_out.truth.paired_auc import paired_auc


def draw(records, pairs, correlation, outputs=2, shift=0.0, seed=0):
    """Logits of variance 1 whose mates correlate, with a mean shift in the first logit."""
    random = np.random.default_rng(seed)
    common = random.standard_normal((records, pairs, outputs)) * correlation**0.5
    own = random.standard_normal((2, records, pairs, outputs)) * (1 - correlation) ** 0.5
    moved = np.zeros(outputs)
    moved[0] = shift
    return common + own[0] + moved, common + own[1]


def refitted(within, without):
    wins = []
    for i in range(len(within)):
        for j in range(len(without)):
            if i == j:
                continue
            laws = [
                multivariate_normal(rest.mean(0), np.cov(rest.T))
                for rest in (np.delete(side, [i, j], axis=0) for side in (within, without))
            ]
            scores = [laws[0].logpdf(x) - laws[1].logpdf(x) for x in (within[i], without[j])]
            wins.append((scores[0] > scores[1]) + 0.5 * (scores[0] == scores[1]))
    return np.mean(wins)


@pytest.mark.parametrize("outputs", [1, 2, 4])
def test_against_laws_fitted_again_without_both_starts(outputs, monkeypatch):
    monkeypatch.setattr(module, "_PAIRS", 200)
    within, without = draw(3, 9, 0.5, outputs, shift=0.7)
    found = paired_auc(1.7 * within + 100, without + 100)
    for record in range(3):
        assert found[record] == pytest.approx(
            refitted(1.7 * within[record] + 100, without[record] + 100), abs=1e-12
        )


@pytest.mark.parametrize("pairs", [20, 40])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9, 0.99])
def test_without_effect_the_area_is_a_half(pairs, correlation):
    """2000 repetitions: the mean lies within 4 standard errors of ½."""
    found = paired_auc(*draw(2000, pairs, correlation, seed=pairs))
    assert abs(found.mean() - 0.5) < 4 * found.std() / 2000**0.5


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_a_shift_raises_the_area(correlation):
    """Towards Φ(z/√2) of a known shift z, which fits of 58 networks miss by less than 0.03."""
    for shift in (1.0, 2.0):
        found = paired_auc(*draw(300, 60, correlation, shift=shift, seed=1)).mean()
        best = norm.cdf(shift / 2**0.5)
        assert best - 0.03 < found < best + 0.01


def test_a_change_of_spread_alone_raises_the_area():
    within, without = draw(200, 40, 0.5, seed=2)
    assert paired_auc(3 * within, without).mean() > 0.75


@pytest.mark.parametrize(
    ("correlation", "shift", "most"), [(0.0, 0.0, 2.0), (0.9, 0.0, 2.0), (0.5, 1.0, 1.3)]
)
def test_stated_errors_are_no_less_than_the_spread(correlation, shift, most):
    """150 repetitions of 40 pairs, whose own spread is known to 6 %.

    A jackknife is too large where a statistic is not linear (Efron, Stein 1981), and without an
    effect none of this one is.
    """
    found = attack_auc(*draw(150, 40, correlation, shift=shift, seed=3))
    stated = np.sqrt((found.error**2).mean())
    assert 0.9 < stated / found.value.std() < most


def test_laws_that_cannot_be_fitted_are_refused():
    with pytest.raises(ImprintError, match="train 6 or more"):
        attack_auc(*draw(2, 5, 0.0))
    with pytest.raises(ImprintError, match="no spread"):
        paired_auc(*(np.repeat(side, 2, axis=2) for side in draw(2, 12, 0.0)))
    with pytest.raises(ImprintError, match="no spread"):
        paired_auc(np.ones((1, 9, 2)), np.ones((1, 9, 2)))
