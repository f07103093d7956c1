import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from imprint.stats.holm import holm


@given(st.lists(st.integers(1, 20), min_size=1, max_size=8))
def test_a_claim_is_adjusted_to_the_least_level_at_which_holm_rejects_it(parts: list[int]) -> None:
    """Step down, level by level: the least p first, against level / claims that are left."""
    p_values = np.array(parts) / 20
    levels = np.unique(np.minimum(np.outer(p_values, np.arange(1, len(parts) + 1)).ravel(), 1.0))
    least = np.ones(len(parts))
    for level in levels[::-1]:
        left = sorted(range(len(parts)), key=lambda row: p_values[row])
        while left and p_values[left[0]] * len(left) <= level + 1e-12:
            least[left.pop(0)] = level
    np.testing.assert_allclose(holm(p_values), least)


def test_no_claim_at_all_is_made_in_95_of_100_families_of_chance() -> None:
    random, trials = np.random.default_rng(0), 1000
    hits = sum(bool((holm(random.random(14)) <= 0.05).any()) for _ in range(trials))
    assert binom.ppf(1e-3, trials, 0.04) <= hits <= binom.ppf(1 - 1e-3, trials, 0.05)
