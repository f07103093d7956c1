import numpy as np
import pytest

from imprint.train.linear_head import choose_strength, fit_linear_head


def clouds(n, seed=0, classes=3, noise=1.0):
    random = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    return 3 * np.eye(classes)[labels] + noise * random.normal(size=(n, classes)), labels


def test_clouds_are_distinguished_and_rows_are_distributions():
    features, labels = clouds(300)
    head = fit_linear_head(features, labels, 3)
    fresh, truth = clouds(300, seed=1)
    rows = head.log_probabilities(fresh)
    np.testing.assert_allclose(np.exp(rows).sum(axis=1), 1)
    # Bayes' rule of three such clouds is right in some 96 %.
    assert (rows.argmax(axis=1) == truth).mean() > 0.9


def test_scale_and_shift_of_features_play_no_part():
    features, labels = clouds(120)
    one = fit_linear_head(features, labels, 3).log_probabilities(features)
    moved = 1000 * features + [5, -7, 100]
    other = fit_linear_head(moved, labels, 3).log_probabilities(moved)
    np.testing.assert_allclose(one, other, atol=1e-3)


def test_a_constant_feature_does_no_harm():
    features, labels = clouds(60)
    padded = np.concatenate([features, np.full((60, 1), 7.0)], axis=1)
    assert np.isfinite(fit_linear_head(padded, labels, 3).log_probabilities(padded)).all()


def test_a_class_that_was_never_seen_is_all_but_impossible():
    features, labels = clouds(60)
    head = fit_linear_head(features[labels != 1], labels[labels != 1], 4)
    rows = head.log_probabilities(features)
    assert rows.shape == (60, 4)
    assert rows[:, [1, 3]].max() == pytest.approx(np.log(1e-12))


@pytest.mark.parametrize(("noise", "strong"), [(0.1, False), (30.0, True)])
def test_noise_is_held_down_and_clear_features_are_not(noise, strong):
    features, labels = clouds(200, noise=noise)
    chosen = choose_strength(features, labels, 3, seed=0)
    assert (chosen < 1e-2) == strong
