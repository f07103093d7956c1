import numpy as np
import pytest
from scipy.stats import norm

from imprint import membership
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.attacks.qmia import EXPONENTS, place_among
from imprint.stats.roc import area
from tests.lenses.membership.attack_cases import score, simulate


def test_the_95th_percentile_of_mean_1_and_deviation_2_and_the_score_of_5():
    assert 1 + 2 * norm.ppf(0.95) == pytest.approx(4.2897, abs=5e-5)
    evidence = Evidence(
        {"phi": np.array([[5.0]])},
        population={"phi": np.random.default_rng(0).normal(1, 2, (1, 9000))},
    )
    assert score("qmia", evidence)[0] == pytest.approx(2, abs=0.1)


def test_places_among_quantiles_are_exponents_linear_between_and_beyond():
    quantiles = np.tile(10 * np.arange(41.0), (5, 1))
    values = np.array([0.0, 15.0, 400.0, 500.0, -100.0])
    np.testing.assert_allclose(place_among(values, quantiles), [0, 0.15, 4, 5, -1], atol=1e-12)
    assert EXPONENTS[10] == pytest.approx(-1)


def test_records_of_a_population_score_above_minus_u_in_ten_to_the_u():
    evidence, _ = simulate(5, records=2000)
    of_population = Evidence(evidence.population, None, evidence.population)
    scores = score("qmia", of_population, mode="pinball")
    assert (scores > 1).mean() == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("mode", ["gaussian", "pinball"])
def test_features_that_tell_difficulty_sharpen_the_score(mode):
    random = np.random.default_rng(3)
    hard, hard_population = random.normal(0, 3, size=(2, 1500))
    members = random.random(1500) < 0.5
    target = hard + members + random.normal(size=1500)
    population = hard_population + random.normal(size=1500)
    areas = []
    for more in ({}, {"features": hard, "population_features": hard_population}):
        scores = membership.qmia(target, population=population, mode=mode, **more)
        areas.append(area(scores[members], scores[~members]))
    assert areas[0] < 0.65
    assert areas[1] == pytest.approx(norm.cdf(1 / np.sqrt(2)), abs=0.04)


def test_without_a_population_it_is_refused():
    with pytest.raises(ImprintError, match="needs population records"):
        membership.qmia([0.1, 0.2])
