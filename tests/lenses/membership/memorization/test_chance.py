from itertools import combinations

import numpy as np
import pytest

from imprint.lenses.membership.memorization.chance import count_cases, memorized_by_chance


@pytest.mark.parametrize("cut", [0.25, 0.5, 1.0])
def test_the_count_by_chance_is_the_mean_over_all_ways_to_choose_who_was_trained_on_it(cut):
    random = np.random.default_rng(2)
    members, correct = random.random((2, 6, 11)) < 0.5
    members[:, 0], members[:, 1] = True, False
    expected = 0.0
    for record in range(2, 11):
        ways = list(combinations(range(6), int(members[:, record].sum())))
        for inside in ways:
            outside = [model for model in range(6) if model not in inside]
            score = correct[list(inside), record].mean() - correct[outside, record].mean()
            expected += (score >= cut - 1e-12) / len(ways)
    assert expected > 0
    assert memorized_by_chance(count_cases(members, correct), cut) == pytest.approx(expected)
