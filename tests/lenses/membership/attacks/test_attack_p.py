import numpy as np
import pytest

import tests.lenses.membership.slow_forms as slow
from imprint.lenses.membership.attack_kit.attack import Evidence
from tests.lenses.membership.attack_cases import score


def test_scores_are_shares_of_the_population_below():
    population = {"phi": np.array([[-1.0, 0.0, 1.0, 1.5]])}
    evidence = Evidence({"phi": np.array([[0.0, 2.0, -1.0]])}, population=population)
    expected = [slow.attack_p(x, [-1, 0, 1, 1.5]) for x in (0, 2, -1)]
    assert score("attack_p", evidence).tolist() == expected == [0.375, 1.0, 0.125]


def test_low_curvature_counts_as_membership():
    curvature = {"log_curvature": np.array([[-3.0, 0.0]])}
    evidence = Evidence(curvature, population={"log_curvature": np.array([[-2.0, -1.0, 1.0]])})
    assert score("attack_p", evidence).tolist() == [1.0, pytest.approx(1 / 3)]
