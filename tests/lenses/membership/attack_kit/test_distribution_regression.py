import numpy as np
import pytest
import torch

from imprint.lenses.membership.attack_kit.distribution_regression import (
    fit_gaussian,
    fit_quantiles,
    gaussian_loss,
    pinball_loss,
)


def test_pinball_loss_of_a_high_level_punishes_values_above():
    values, output = torch.tensor([2.0, 0.0]), torch.tensor([[1.0], [1.0]])
    loss = pinball_loss(output, values, torch.tensor([0.95]))
    torch.testing.assert_close(loss[:, 0], torch.tensor([0.95, 0.05]))


def test_gaussian_loss_is_the_negative_log_density_but_for_a_constant():
    output = torch.tensor([[1.0, np.log(2.0)]], dtype=torch.float64)
    value = torch.tensor([5.0], dtype=torch.float64)
    expected = -torch.distributions.Normal(1.0, 2.0).log_prob(value) - 0.5 * np.log(2 * np.pi)
    torch.testing.assert_close(gaussian_loss(output, value), expected)


def test_mean_and_deviation_that_depend_on_a_feature_are_found():
    random = np.random.default_rng(0)
    features = random.uniform(-1, 1, size=(4000, 1))
    values = 3 * features[:, 0] + np.exp(features[:, 0]) * random.normal(size=4000)
    mean, deviation = fit_gaussian(features, values, 0)(np.array([[-0.8], [0.0], [0.8]])).T
    np.testing.assert_allclose(mean, [-2.4, 0, 2.4], atol=0.25)
    np.testing.assert_allclose(deviation, np.exp([-0.8, 0, 0.8]), rtol=0.15)


def test_without_features_moments_and_quantiles_are_those_of_the_values():
    values, nothing = np.random.default_rng(0).normal(3, 2, size=2000), np.zeros((2000, 0))
    moments = fit_gaussian(nothing, values, 0)(nothing[:1])
    np.testing.assert_allclose(moments, [[values.mean(), values.std()]], rtol=0.05)
    levels = np.array([0.1, 0.5, 0.9])
    quantiles = fit_quantiles(nothing, values, levels, 0)(nothing[:1])
    np.testing.assert_allclose(quantiles[0], np.quantile(values, levels), atol=0.2)


def test_quantiles_never_cross_and_hold_their_share_of_new_values():
    random = np.random.default_rng(0)
    features = random.uniform(-1, 1, size=(4000, 1))
    values = features[:, 0] + (1.5 + features[:, 0]) * random.normal(size=4000)
    levels = np.array([0.0, 0.5, 0.9, 0.99])
    quantiles = fit_quantiles(features[:2000], values[:2000], levels, 0)(features[2000:])
    assert (np.diff(quantiles, axis=1) >= 0).all()
    share = (values[2000:, None] < quantiles).mean(axis=0)
    # Four standard errors of a share of 2,000, twice: both halves are drawn.
    assert (np.abs(share - levels)[1:] < 8 * np.sqrt(levels * (1 - levels) / 2000)[1:]).all()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_or_constant_values_give_finite_predictions(count):
    features, values = np.ones((count, 2)), np.full(count, 0.3)
    assert np.isfinite(fit_gaussian(features, values, 0)(features)).all()
    assert np.isfinite(fit_quantiles(features, values, np.array([0.5]), 0)(features)).all()
