import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from imprint.lenses.leave_one_out.posterior.distinguishability import (
    Directions,
    excess_over_log,
    mean_distance,
)
from tests.lenses.leave_one_out.refits import kl


def directions(spread, surprise, outputs=2):
    tensors = (torch.tensor(values, dtype=torch.float64) for values in (spread, surprise))
    return Directions(*tensors, outputs)


@given(st.floats(-20, 6), st.booleans())
def test_excess_over_log_keeps_every_digit(exponent, negative):
    value = 10**exponent
    if negative:
        value = -value / (1 + value)
    if value <= -1 + 1e-6:
        return
    with mpmath.workdps(60):
        expected = mpmath.mpf(value) - mpmath.log1p(mpmath.mpf(value))
    found = float(excess_over_log(torch.tensor(value, dtype=torch.float64)))
    # Near −1 the logarithm's own argument has lost digits before it gets here.
    tolerance = 1e-14 if value > -0.9 else 1e-9
    assert found == pytest.approx(float(expected), rel=tolerance)


def test_excess_at_nothing_is_nothing():
    assert float(excess_over_log(torch.tensor(0.0).double())) == 0


@given(st.floats(1e-3, 50), st.floats(0, 20), st.integers(1, 5))
def test_one_direction_is_two_normal_laws(spread, surprise, outputs):
    """In: N(0, 1), out: N(δ, 1 + z) in each output, Σδ² = z a."""
    shift = math.sqrt(spread * surprise / outputs)
    inside = np.zeros((1, outputs)), np.ones((1, 1))
    outside = np.full((1, outputs), shift), np.array([[1 + spread]])
    found = directions([spread], [surprise], outputs)
    assert float(found.kl_out_in()) == pytest.approx(kl(outside, inside), rel=1e-9, abs=1e-12)
    assert float(found.kl_in_out()) == pytest.approx(kl(inside, outside), rel=1e-9, abs=1e-12)


def test_directions_add_up_and_empty_ones_count_nothing():
    both = directions([[0.5, 2.0, 0.0]], [[1.0, 3.0, 7.0]])
    one, other = directions([[0.5]], [[1.0]]), directions([[2.0]], [[3.0]])
    for measure in (Directions.kl_out_in, Directions.kl_in_out):
        torch.testing.assert_close(measure(both), measure(one) + measure(other))
    torch.testing.assert_close(
        both.auc(), directions([[0.5, 2.0]], [[1.0, 3.0]]).auc(), rtol=1e-14, atol=0
    )


def test_small_divergences_are_quadratic():
    """½ (c z²/2 + z a) with z = 10⁻¹²: nothing is rounded away."""
    assert float(directions([1e-12], [0.0]).kl_out_in()) == pytest.approx(0.5e-24, rel=1e-11)
    assert float(directions([1e-12], [0.0]).kl_in_out()) == pytest.approx(0.5e-24, rel=1e-11)
    assert float(directions([1e-12], [3.0]).kl_in_out()) == pytest.approx(1.5e-12, rel=1e-11)


def test_mean_distance_is_half_a_mean():
    assert float(mean_distance(torch.tensor([3.0, 1.0]))) == 2.5
