import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import polygamma

from imprint.lenses.membership.attack_kit.attack import ATTACKS, Evidence
from imprint.lenses.membership.attack_kit.lira_moments import moments, sums
from imprint.lenses.membership.attack_kit.shrinkage import (
    StudentT,
    _fit,
    _inverse_trigamma,
    predictive,
)
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.stats.roc import auc


def simulated(models, records, freedom, seed=0, gap=1.0):
    random = np.random.default_rng(seed)
    deviation = np.sqrt(0.5 * freedom / random.chisquare(freedom, size=records))
    members = np.arange(models)[:, None] < models // 2
    members = np.broadcast_to(members, (models, records))
    place = random.normal(0, 3, size=records)
    noise = deviation * random.normal(size=(models, 1, records))
    return place + gap * members[:, None] + noise, members


@pytest.mark.parametrize("value", [1e-6, 0.01, 0.5, 3.0, 100.0, 1e8])
def test_inverse_trigamma(value):
    assert polygamma(1, _inverse_trigamma(value)) == pytest.approx(value, rel=1e-6)


def test_density_is_that_of_the_t_distribution():
    tails = StudentT(np.array([[3.0, 9.0]]), np.array([[1.0, -2.0]]), np.array([[0.5, 2.0]]))
    values = np.array([[2.0, 0.0]])
    expected = stats.t.logpdf(values, tails.freedom, tails.location, tails.scale)
    np.testing.assert_allclose(tails.log_density(values), expected, rtol=1e-12)


def test_the_variance_prior_is_found_again():
    random = np.random.default_rng(0)
    count, freedom = 20_000, 6.0
    variances = 0.5 * freedom / random.chisquare(freedom, size=count)
    samples = variances * random.chisquare(7, size=count) / 7
    estimated, spread = _fit(samples, np.full(count, 7.0), pooled=1.0)
    assert estimated == pytest.approx(freedom, rel=0.06)
    assert spread == pytest.approx(0.5, rel=0.03)


def test_equal_variances_are_pooled():
    random = np.random.default_rng(1)
    samples = random.chisquare(400, size=50) / 400
    # Less spread than chance alone would give.
    estimated, spread = _fit(1 + (samples - 1) / 10, np.full(50, 400.0), pooled=1.25)
    assert (estimated, spread) == (1e6, 1.25)


def test_posterior_is_the_conjugate_one():
    """One record by Bayes' rule on a grid of mean and variance."""
    signals, members = simulated(12, 300, freedom=5.0)
    outside, inside = moments(sums(signals, members))
    tails, _ = predictive(outside, inside)
    record = 17
    # The prior that predictive used, read back from its own posterior by two identities.
    own = signals[~members[:, record], 0, record]
    count = len(own)
    nu = tails.freedom[0, record] - count
    assert nu == pytest.approx(5.0, abs=2.5)
    centre = outside.mean.mean()
    kappa = count * (own.mean() - tails.location[0, record]) / (tails.location[0, record] - centre)
    mean, precision = np.meshgrid(np.linspace(-15, 15, 1001), np.linspace(1e-3, 40, 801))
    spread = _prior_spread(tails, own, nu, kappa, centre, record)
    log = (
        stats.gamma.logpdf(precision, nu / 2, scale=2 / (nu * spread))
        + stats.norm.logpdf(mean, centre, 1 / np.sqrt(kappa * precision))
        + sum(stats.norm.logpdf(x, mean, 1 / np.sqrt(precision)) for x in own)
    )
    weight = np.exp(log - log.max())
    for x in (own.mean() - 1, own.mean() + 2):
        grid = (weight * stats.norm.pdf(x, mean, 1 / np.sqrt(precision))).sum() / weight.sum()
        estimated = np.exp(tails.log_density(np.full((1, 300), x))[0, record])
        assert estimated == pytest.approx(grid, rel=2e-2)


def _prior_spread(tails, own, nu, kappa, centre, record):
    count = len(own)
    total = kappa + count
    variance = tails.scale[0, record] ** 2 / (1 + 1 / total)
    deviations = count * own.var() + kappa * count / total * (own.mean() - centre) ** 2
    return (variance * (nu + count) - deviations) / nu


def test_many_models_overrule_the_prior():
    signals, members = simulated(4000, 3, freedom=5.0)
    outside, inside = moments(sums(signals, members))
    for tails, of in zip(predictive(outside, inside), (outside, inside), strict=True):
        np.testing.assert_allclose(tails.location, of.mean, atol=0.01)
        np.testing.assert_allclose(tails.scale**2, of.variance, rtol=0.02)


def test_a_record_without_in_models_is_expected_a_gap_above_its_out_models():
    signals, members = simulated(16, 500, freedom=50.0, gap=2.0)
    members = members.copy()
    members[:, 0] = False
    outside, inside = predictive(*moments(sums(signals, members)))
    assert inside.location[0, 0] - outside.location[0, 0] == pytest.approx(2.0, abs=0.2)
    assert inside.scale[0, 0] > inside.scale[0, 1:].min()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 12))
def test_every_density_is_a_number(seed, models):
    random = np.random.default_rng(seed)
    signals = random.normal(size=(models, 2, 20)) * 10.0 ** random.integers(-6, 6)
    estimated = moments(sums(signals, random.random((models, 20)) < 0.4))
    for tails in predictive(*estimated):
        assert np.isfinite(tails.log_density(signals[0])).all()
        assert (tails.scale > 0).all()


def test_shrinkage_is_better_than_raw_and_fixed_where_variances_differ():
    signals, members = simulated(9, 4000, freedom=4.0, seed=3, gap=0.8)
    order = np.random.default_rng(4).permuted(
        np.broadcast_to(np.arange(9)[:, None], members.shape), axis=0
    )
    members = order < 4
    place = signals - 0.8 * (np.arange(9)[:, None] < 4)[:, None]
    signals = place + 0.8 * members[:, None]
    cohort = Cohort({"phi": signals[1:]}, members[1:])
    evidence = Evidence({"phi": signals[0]}, References(cohort))
    areas = {}
    for name in ("lira", "lira_fixed", "lira_shrunk"):
        scores = ATTACKS.get(name).score(evidence, {})
        areas[name] = auc(scores[members[0]], scores[~members[0]]).value
    assert areas["lira_shrunk"] > areas["lira_fixed"] + 0.01
    assert areas["lira_shrunk"] > areas["lira"] + 0.01


def test_multi_of_one_column_is_lira_shrunk():
    signals, members = simulated(10, 50, freedom=6.0)
    evidence = Evidence({"phi": signals[0]}, References(Cohort({"phi": signals}, members)))
    multi, shrunk = (ATTACKS.get(name).score(evidence, {}) for name in ("multi", "lira_shrunk"))
    np.testing.assert_allclose(multi, shrunk, rtol=1e-9, atol=1e-9)


def test_multi_counts_the_same_evidence_once():
    # Two augmentations that say the same are worth one, as in a mean and unlike in a sum.
    signals, members = simulated(40, 200, freedom=30.0)
    twice = np.repeat(signals, 2, axis=1)
    score = ATTACKS.get("multi").score
    one = score(
        Evidence({"phi": signals[0]}, References(Cohort({"phi": signals}, members))),
        {},
    )
    two = score(Evidence({"phi": twice[0]}, References(Cohort({"phi": twice}, members))), {})
    assert np.corrcoef(one, two)[0, 1] > 0.99
    assert np.polyfit(one, two, 1)[0] == pytest.approx(1.0, abs=0.15)
