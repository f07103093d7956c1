import numpy as np
import pytest
from scipy import stats
from scipy.special import digamma, polygamma

from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.attack_kit.lira_moments import moments, sums
from imprint.lenses.membership.attack_kit.moderation import moderate
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.stats import auc


def simulate(models, records, ratio=1.0, seed=0, memorizes=True):
    """Return φ of references and of a target, who saw what; gaps gamma(1.5, 0.6)."""
    random = np.random.default_rng(seed)
    gap = random.gamma(1.5, 0.6, records) * memorizes
    base = random.normal(0, 1.5, records)
    spread = random.uniform(0.5, 1.5, records)
    order = np.argsort(random.random((models, records)), axis=0)
    masks = np.vstack([order < models // 2, random.random((1, records)) < 0.5])
    deviation = np.where(masks, ratio * spread, spread)
    phi = base + gap * masks + deviation * random.normal(size=masks.shape)
    return phi[:-1, None], masks[:-1], phi[-1:], masks[-1]


def moderate_by_loop(phi, masks, target, with_spread=False):
    """Return the log ratio of every record as the module's docstring has it, one at a time.

    ``with_spread``: also the logarithm of the mean standard deviation, as ln(Σ variances) / 2.
    """
    records = range(phi.shape[1])
    count = np.array([[(masks[:, i] == side).sum() for i in records] for side in (0, 1)])
    mean = np.array([[phi[masks[:, i] == side, i].mean() for i in records] for side in (0, 1)])
    var = np.array([[phi[masks[:, i] == side, i].var(ddof=1) for i in records] for side in (0, 1)])
    half = (count - 1) / 2
    z = np.log(var) - digamma(half) + np.log(half)
    error = polygamma(1, half)
    values, vectors = np.linalg.eigh(np.cov(z) - np.diag(error.mean(axis=1)))
    prior = vectors @ np.diag(np.maximum(values, 1e-4)) @ vectors.T
    centre = z.mean(axis=1)
    spread = np.exp(
        [
            centre + prior @ np.linalg.inv(prior + np.diag(error[:, i])) @ (z[:, i] - centre)
            for i in records
        ]
    ).T
    sampling = spread[0] / count[0] + spread[1] / count[1]
    gap = mean[1] - mean[0]
    mean_gap = np.average(gap, weights=1 / sampling)
    variance = max(gap.var() - sampling.mean(), 1e-6)
    scores, logs = [], []
    for i in records:
        keep = variance / (variance + sampling[i])
        g, unsure = keep * gap[i] + (1 - keep) * mean_gap, keep * sampling[i]
        p = count[:, i] / spread[:, i]
        b = (p[0] * mean[0, i] + p[1] * (mean[1, i] - g)) / p.sum()
        inside = spread[1, i] + 1 / p.sum() + unsure * (p[0] / p.sum()) ** 2
        outside = spread[0, i] + 1 / p.sum() + unsure * (p[1] / p.sum()) ** 2
        logs.append(np.log(inside + outside) / 2)
        scores.append(
            stats.norm.logpdf(target[i], b + g, inside**0.5)
            - stats.norm.logpdf(target[i], b, outside**0.5)
        )
    return (np.array(scores), np.array(logs)) if with_spread else np.array(scores)


def score(name, phi, masks, target):
    evidence = Evidence({"phi": target}, References(Cohort({"phi": phi}, masks)))
    return ATTACKS.get(name).score(evidence)


def test_it_is_the_loop_over_records():
    phi, masks, target, _ = simulate(8, 60)
    expected = moderate_by_loop(phi[:, 0], masks, target[0])
    np.testing.assert_allclose(score("lira_moderated", phi, masks, target), expected, rtol=1e-10)


def test_augmentations_are_averaged():
    phi, masks, target, _ = simulate(8, 40)
    twice = score("lira_moderated", np.repeat(phi, 2, axis=1), masks, np.repeat(target, 2, axis=0))
    np.testing.assert_allclose(twice, score("lira_moderated", phi, masks, target), rtol=1e-12)


def test_a_target_without_memory_is_not_found():
    phi, masks, target, members = simulate(8, 4000, memorizes=False)
    estimate = auc(
        *(score("lira_moderated", phi, masks, target)[side] for side in (members, ~members))
    )
    # Standard error of an AUC of noise with 2,000 a side: 0.009.
    assert estimate.value == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("ratio", [0.6, 1.0, 1.5])
@pytest.mark.parametrize("models", [4, 8])
def test_it_finds_more_than_shrunken_lira_from_few_models(models, ratio):
    phi, masks, target, members = simulate(models, 6000, ratio, seed=3)
    moderated, shrunk = (
        auc(values[members], values[~members]).value
        for values in (
            score(name, phi, masks, target) for name in ("lira_moderated", "lira_shrunk")
        )
    )
    assert moderated > shrunk


def test_records_without_models_on_a_side_take_the_prior():
    phi, masks, _, _ = simulate(6, 50)
    masks[:, 0], masks[:, 1] = False, True
    masks[:, 2] = np.arange(6) < 1
    outside, inside = moderate(*moments(sums(phi, masks)))
    for side in (outside, inside):
        assert np.isfinite(side.mean).all()
        assert (side.variance > 0).all()
    gap = (inside.mean - outside.mean)[0]
    assert gap[0] == pytest.approx(gap[1])


def test_equal_values_leave_finite_scores():
    phi, masks, target, _ = simulate(6, 50)
    assert np.isfinite(score("lira_moderated", 0 * phi, masks, 0 * target)).all()
