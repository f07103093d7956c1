import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tests.lenses.membership.slow_forms as slow
from imprint.membership import base3
from tests.lenses.membership.attack_cases import assert_scores_follow


def test_gap_over_the_variance_within_times_the_distance_from_the_middle():
    # Means 0 and 3, variance 1 within both, margin 3: 3 / 1 · (3 − 1.5).
    members = [[0], [0], [1], [1]]
    score = base3([3.0], signals=[[-1.0], [1.0], [2.0], [4.0]], members=members)
    assert score.tolist() == pytest.approx([4.5])


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10_000), target=st.sampled_from([None, 0, 7]))
def test_scores_are_those_of_the_formula(seed, target):
    assert_scores_follow("base3", slow.base3, seed, target)
