import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.lenses.membership.slow_forms as slow
from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.cohort.references import Cohort, References
from tests.lenses.membership.attack_cases import assert_scores_follow, score


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), target=st.sampled_from([None, 0, 7]))
def test_scores_are_those_of_the_formula(seed, target):
    assert_scores_follow("curvature_nll", slow.curvature_nll, seed, target)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), target=st.sampled_from([None, 0, 7]))
def test_published_scores_are_those_of_the_published_formula(seed, target):
    assert_scores_follow(
        "curvature_nll", slow.curvature_nll_legacy, seed, target, published_formulas=True
    )


def test_published_and_corrected_formulas_by_hand():
    # OUT models say 0, 8 (mean 4), IN models 0, 4 (mean 2, V = 4, σ = 2): (1 - 1)/… is 0 at 3.
    members = np.array([[True], [True], [False], [False]])
    cohort = Cohort({"log_curvature": np.array([0.0, 4.0, 0.0, 8.0]).reshape(4, 1, 1)}, members)
    evidence = Evidence({"log_curvature": np.array([[2.5]])}, References(cohort))
    difference = 1.5**2 - 0.5**2
    published = score("curvature_nll", evidence, published_formulas=True)
    assert published[0] == pytest.approx(difference / (2 * 16))
    assert score("curvature_nll", evidence)[0] == pytest.approx(difference / (2 * 4))
