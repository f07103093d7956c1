import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.lenses.membership.privacy.audit import audit_one_run
from imprint.lenses.membership.privacy.calibration import subtract_explained
from imprint.lenses.membership.privacy.choices import Budget, Fixed


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 40), st.integers(0, 2**32))
def test_what_is_left_is_that_of_least_squares(count, seed):
    scores, reference = np.random.default_rng(seed).normal(size=(2, count))
    line = np.polynomial.Polynomial.fit(reference, scores, 1)
    assert np.allclose(subtract_explained(scores, reference), scores - line(reference), atol=1e-9)


def test_a_reference_that_says_nothing_takes_nothing_away():
    scores = np.array([1.0, 2.0, 6.0])
    assert subtract_explained(scores, np.full(3, 5.0)).tolist() == [-2.0, -1.0, 3.0]


def test_a_reference_finds_members_that_hardness_hides():
    draw = np.random.default_rng(6)
    members = draw.random(1000) < 0.5
    hardness = draw.normal(0, 5, size=1000)
    scores = 0.5 * hardness + members + draw.normal(0, 0.3, size=1000)
    alone, helped = (
        audit_one_run(values, members, Fixed(Budget(0.3, 0.3))).epsilon
        for values in (scores, subtract_explained(scores, hardness))
    )
    assert helped > 3 > 0.5 > alone
