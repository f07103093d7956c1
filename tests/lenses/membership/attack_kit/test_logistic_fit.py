import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from imprint.lenses.membership.attack_kit.logistic_fit import fit_logistic


def make(count=300, seed=0):
    random = np.random.default_rng(seed)
    features = random.normal(size=(count, 3))
    odds = features @ [1.0, -0.5, 0.0] + 0.3
    return features, random.random(count) < expit(odds)


@pytest.mark.parametrize("ridge", [0.1, 10.0])
def test_it_minimises_the_penalised_losses(ridge):
    features, positive = make()
    towards = np.array([0.2, 0.2, 0.2])

    def objective(values):
        odds = features @ values[:3] + values[3]
        losses = np.where(positive, np.logaddexp(0, -odds), np.logaddexp(0, odds))
        return losses.sum() + ridge / 2 * ((values[:3] - towards) ** 2).sum()

    best = minimize(objective, np.zeros(4), tol=1e-12).x
    model = fit_logistic(features, positive, ridge, towards)
    np.testing.assert_allclose([*model.weights, model.intercept], best, atol=2e-5)


def test_a_heavy_ridge_leaves_the_weights_given():
    features, positive = make()
    model = fit_logistic(features, positive, 1e12, np.array([0.2, 0.1, -0.3]))
    np.testing.assert_allclose(model.weights, [0.2, 0.1, -0.3], atol=1e-8)


def test_one_class_leaves_the_weights_given():
    features, positive = make()
    for labels in (np.ones_like(positive), np.zeros_like(positive), positive[:0]):
        model = fit_logistic(features[: len(labels)], labels, 1.0, np.array([1.0, 2.0, 3.0]))
        assert model.weights.tolist() == [1, 2, 3]
        assert model.intercept == 0


def test_separated_classes_and_huge_features_stay_finite():
    features = np.array([[-1e6], [-1.0], [1.0], [1e6]])
    model = fit_logistic(features, features[:, 0] > 0, 1.0, np.zeros(1))
    assert np.isfinite(model.log_odds(features)).all()
    assert (model.log_odds(features)[2:] > model.log_odds(features)[:2].max()).all()


def test_equal_features_share_the_weight():
    features, positive = make()
    twice = np.column_stack([features[:, 0], features[:, 0]])
    model = fit_logistic(twice, positive, 1e-3, np.zeros(2))
    assert model.weights[0] == pytest.approx(model.weights[1])
