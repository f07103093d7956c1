import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.attacks.quantile import QuantileOptions
from imprint.lenses.membership.cohort.references import Cohort, References
from tests.lenses.membership.attack_cases import MODELS, score, simulate


def test_without_references_the_quantile_is_that_of_the_population():
    population = {"phi": np.array([[-1.0, 0.0, 1.0, 1.5]])}
    phi = np.array([[0.0, 2.0, -1.0]])
    scores = score("quantile", Evidence({"phi": phi}, population=population))
    np.testing.assert_allclose(scores, phi[0] - 1.425)


def test_its_share_of_the_population_lies_above():
    evidence, _ = simulate(5, records=400)
    population, cohort = evidence.population, evidence.references.cohort
    outside_only = Cohort(cohort.population, np.zeros((MODELS, 400), dtype=bool), cohort.population)
    of_population = Evidence(population, References(outside_only), population)
    above = score("quantile", of_population, level=0.9) > 1e-9
    assert abs(above.sum() - 40) <= 3  # as many residuals are 0 as there are coefficients


def test_a_level_out_of_range_is_an_error():
    with pytest.raises(ImprintError, match=r"level must be in \(0, 1\), got 1"):
        QuantileOptions(level=1)
