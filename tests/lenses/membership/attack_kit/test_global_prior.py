import numpy as np
import pytest
from scipy.stats import norm, t

from imprint.lenses.membership.attack_kit.global_prior import (
    fit_prior,
    normal_predictive,
    student_predictive,
    without_models,
)
from imprint.lenses.membership.attack_kit.lira_moments import IN, OUT, moments, sums


def side_of(values, side=OUT):
    """Return the moments of one side of models [K], records [N]."""
    values = np.asarray(values, dtype=float)
    members = np.full(values.shape, side == IN)
    return moments(sums(values[:, None], members))[side]


def test_the_prior_is_of_all_entries_and_mixes_spread_between_records():
    prior = fit_prior(side_of([[-1, 9], [1, 11]]))
    assert prior.mean.item() == 5
    assert prior.variance.item() == 26


def test_counts_weigh_the_prior_and_a_single_model_adds_no_spread_of_its_own():
    values = np.array([[0.0, 4.0], [2.0, 50.0]])
    members = np.array([[False, False], [False, True]])
    outside, _ = moments(sums(values[:, None], members))
    prior = fit_prior(outside)
    entries = np.array([0.0, 2.0, 4.0])
    assert prior.mean.item() == pytest.approx(entries.mean())
    assert prior.variance.item() == pytest.approx(entries.var())


@pytest.mark.parametrize("seed", range(3))
def test_predictives_are_those_of_the_textbook(seed):
    random = np.random.default_rng(seed)
    values = random.normal(3, 2, size=(int(random.integers(1, 6)), 4))
    side = side_of(values)
    prior = fit_prior(side)
    at = np.linspace(-3, 5, 4)[None]
    student, normal = (
        f(side, prior).log_density(at)[0] for f in (student_predictive, normal_predictive)
    )
    m, s2, n = values.mean(), values.var(), len(values)
    for record, x in enumerate(at[0]):
        own = values[:, record]
        kappa, moved = 1 + n, n / (2 * (1 + n)) * (own.mean() - m) ** 2
        rate = s2 + n * own.var() / 2 + moved
        shape = 2 + n / 2
        scale = np.sqrt(rate * (kappa + 1) / (shape * kappa))
        centre = (m + n * own.mean()) / kappa
        assert student[record] == pytest.approx(t.logpdf(x, 2 * shape, centre, scale))
        deviation = np.sqrt(rate / (n / 2))
        assert normal[record] == pytest.approx(norm.logpdf(x, own.mean(), deviation))


def test_a_side_without_models_is_its_prior():
    side = side_of([[-1.0], [1.0]])
    bare = without_models(side)
    at = np.array([[0.5]])
    prior = fit_prior(side)
    assert student_predictive(bare, prior).log_density(at).item() == pytest.approx(
        t.logpdf(0.5, 4, 0, 1)
    )
    assert normal_predictive(bare, prior).log_density(at).item() == pytest.approx(
        norm.logpdf(0.5, 0, 1)
    )


def test_equal_entries_are_constant_and_others_are_not():
    assert fit_prior(side_of([[0.3, 0.3], [0.3, 0.3]])).is_constant
    assert not fit_prior(side_of([[0.3, 0.3], [0.3, 0.3001]])).is_constant
