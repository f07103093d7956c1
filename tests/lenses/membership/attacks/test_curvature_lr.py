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
    assert_scores_follow("curvature_lr", slow.lira, seed, target)


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), target=st.sampled_from([None, 0, 7]))
def test_published_scores_are_those_of_the_published_formula(seed, target):
    assert_scores_follow(
        "curvature_lr", slow.curvature_lr_legacy, seed, target, published_formulas=True
    )


def test_published_and_corrected_formulas_by_hand():
    # IN models say 1, 3 (mean 2, V = 1), OUT models 0, 4 (mean 2, V = 4); the target says 3.
    signals = np.array([1.0, 3.0, 0.0, 4.0]).reshape(4, 1, 1)
    members = np.array([[True], [True], [False], [False]])
    cohort = Cohort({"log_curvature": signals}, members)
    evidence = Evidence({"log_curvature": np.array([[3.0]])}, References(cohort))
    # exp(-1/2) / 1 against exp(-1/32) / 4.
    ratio = 4 * np.exp(-0.5 + 1 / 32)
    published = score("curvature_lr", evidence, published_formulas=True)
    assert published[0] == pytest.approx(ratio, rel=1e-12)
    # σ_in = 1, σ_out = 2: -1/2 + 1/8 + log 2.
    assert score("curvature_lr", evidence)[0] == pytest.approx(-0.375 + np.log(2), rel=1e-12)
