import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.lenses.membership.slow_forms as slow
from imprint.membership import base2
from tests.lenses.membership.attack_cases import assert_scores_follow

MEMBERS = [[0], [0], [1], [1]]


def test_distance_from_the_mean_over_the_variance_of_all_models():
    # Mean 1.5, variance 13/4, margin 3.
    score = base2([3.0], signals=[[-1.0], [1.0], [2.0], [4.0]], members=MEMBERS)
    assert score.tolist() == pytest.approx([6 / 13])


def test_curvature_counts_downwards():
    score = base2(
        [3.0], signals=[[-1.0], [1.0], [2.0], [4.0]], members=MEMBERS, signal="log_curvature"
    )
    assert score.tolist() == pytest.approx([-6 / 13])


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), target=st.sampled_from([None, 0, 7]))
def test_scores_are_those_of_the_formula(seed, target):
    assert_scores_follow("base2", slow.base2, seed, target)


def test_models_that_agree_leave_finite_scores():
    score = base2([1.0, 1.0], signals=np.ones((4, 2)), members=np.tile(MEMBERS, 2))
    assert score.tolist() == [0, 0]
