import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.lenses.leave_one_out.posterior.distinguishability import (
    Directions,
    certificate,
    excess_over_log,
    mean_distance,
    squared_correlation,
)
from imprint.lenses.leave_one_out.posterior.groups import (
    group_joint_influence,
    group_self_influence,
)
from imprint.lenses.leave_one_out.posterior.queries import query_influence, training_influence
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from tests.lenses.leave_one_out.refits import kl, problem


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


@given(
    st.integers(0, 10**6),
    st.lists(st.integers(0, 8), min_size=1, max_size=4, unique=True),
    st.integers(1, 6),
    st.sampled_from([1e-2, 0.2, 5.0]),
)
@settings(max_examples=60, deadline=None)
def test_no_queries_tell_more_than_the_removed_records(seed, gone, queries, noise):
    """For random kernels, groups and query sets: both divergences and the area."""
    setting = problem(seed, queries=queries, noise=noise)
    posterior, group = setting.fit(), torch.tensor(gone)
    queried = group_joint_influence(posterior, group, setting.cross, setting.covariance)
    own = group_self_influence(posterior, group)
    for measure in (Directions.kl_out_in, Directions.kl_in_out):
        assert 0 <= float(certificate(queried, own, measure)) <= 1 + 1e-9
    assert float(queried.auc()) <= float(own.auc()) + 1e-12


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_asking_more_than_the_records_reaches_the_bound(seed):
    """Query sets that hold the removed records tell exactly as much as these."""
    setting = problem(seed)
    cross = torch.cat([setting.kernel[[1, 4]], setting.cross])
    covariance = torch.cat(
        [
            torch.cat([setting.kernel[[1, 4]][:, [1, 4]], setting.cross[:, [1, 4]].T], 1),
            torch.cat([setting.cross[:, [1, 4]], setting.covariance], 1),
        ]
    )
    group = torch.tensor([1, 4])
    posterior = setting.fit()
    queried = group_joint_influence(posterior, group, cross, covariance)
    ratio = certificate(queried, group_self_influence(posterior, group))
    assert float(ratio) == pytest.approx(1, abs=1e-8)


def test_squared_correlation_is_that_of_the_model_without_the_record():
    setting = problem(0)
    posterior = setting.fit()
    spread = query_influence(posterior, setting.cross, setting.variances).directions.spread[..., 0]
    found = squared_correlation(spread, posterior.leverage)
    for s in range(9):
        rest = setting.everyone_but(s)
        kernel, cross = setting.kernel.numpy(), setting.cross.numpy()
        matrix = kernel[np.ix_(rest, rest)] + setting.noise * np.eye(8)
        both = np.vstack([kernel[[s]], cross])[:, rest]
        prior = np.block([[kernel[s, s], cross[:, s]], [cross[:, [s]], setting.covariance.numpy()]])
        after = prior - both @ np.linalg.solve(matrix, both.T)
        expected = after[0, 1:] ** 2 / (after[0, 0] * np.diag(after)[1:])
        np.testing.assert_allclose(found[s], expected, rtol=1e-9, atol=1e-13)


def test_multiples_of_the_record_are_as_good_and_nothing_is_better():
    setting = problem(1)
    posterior = setting.fit()
    scaled = query_influence(posterior, -2.5 * setting.kernel, 6.25 * setting.kernel.diagonal())
    own = self_influence(posterior)
    ratio = certificate(scaled.directions, own.directions)
    torch.testing.assert_close(ratio.diagonal(), torch.ones(9).double(), rtol=0, atol=1e-9)
    rho = squared_correlation(
        training_influence(posterior, slice(None)).directions.spread[..., 0], posterior.leverage
    )
    assert rho.argmax(1).tolist() == list(range(9))
    assert (scaled.mean_distance.diagonal() > 6 * own.mean_distance).all()


def test_where_nothing_distinguishes_the_models_every_query_is_best():
    nothing = Directions(torch.zeros(2, 1).double(), torch.ones(2, 1).double(), 2)
    assert certificate(nothing, nothing).tolist() == [1, 1]
    assert squared_correlation(torch.zeros(1, 2), torch.zeros(1)).tolist() == [[0, 0]]
