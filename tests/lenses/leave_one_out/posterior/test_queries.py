import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.distinguishability import Directions
from imprint.lenses.leave_one_out.posterior.groups import joint_influence
from imprint.lenses.leave_one_out.posterior.queries import (
    query_influence,
    query_table,
    training_influence,
    training_table,
)
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from tests.lenses.leave_one_out.refits import at, kl, problem


@given(st.integers(0, 10**6), st.sampled_from([1, 2, 3]), st.sampled_from([0.05, 0.5]))
@settings(max_examples=20, deadline=None)
def test_every_record_at_every_query_against_refits(seed, outputs, noise):
    setting = problem(seed, 7, 3, outputs, noise)
    posterior = setting.fit()
    found = query_influence(posterior, setting.cross, setting.variances)
    joint = joint_influence(posterior, setting.cross, setting.covariance)
    assert joint.rank == 3
    within = setting.law(setting.everyone_but())
    np.testing.assert_allclose(found.mean_in, within[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.variance_in, np.diag(within[1]), rtol=1e-9)
    for s in range(7):
        out = setting.law(setting.everyone_but(s))
        shift = within[0] - out[0]
        np.testing.assert_allclose(found.variance_out[s], np.diag(out[1]), rtol=1e-9)
        for output in range(outputs):
            np.testing.assert_allclose(
                found.shift[s, :, output], shift[:, output], rtol=1e-9, atol=1e-12
            )
        np.testing.assert_allclose(
            found.mean_distance[s], 0.5 * (shift**2).mean(1), rtol=1e-8, atol=1e-15
        )
        forward = [kl(at(out, q), at(within, q)) for q in range(3)]
        backward = [kl(at(within, q), at(out, q)) for q in range(3)]
        # A difference of two refits has an absolute error: 1e-14 is all it can reach.
        np.testing.assert_allclose(found.directions.kl_out_in()[s], forward, rtol=1e-9, atol=1e-13)
        np.testing.assert_allclose(found.directions.kl_in_out()[s], backward, rtol=1e-9, atol=1e-13)
        assert float(joint.directions.kl_out_in()[s]) == pytest.approx(
            kl(out, within), rel=1e-9, abs=1e-13
        )
        assert float(joint.directions.kl_in_out()[s]) == pytest.approx(
            kl(within, out), rel=1e-9, abs=1e-13
        )


def test_small_values_against_exact_arithmetic():
    """Refits in 50 digits: also a divergence of 1e-9 is right to ten digits."""
    setting = problem(11, records=6, queries=3, noise=0.05)
    cross = setting.cross * torch.tensor([[1.0], [1e-4], [1e-6]])
    found = query_influence(setting.fit(), cross, setting.variances)

    def law(rows):
        kernel = mpmath.matrix(setting.kernel[rows][:, rows].tolist())
        inverse = (kernel + mpmath.mpf(setting.noise) * mpmath.eye(len(rows))) ** -1
        queried = mpmath.matrix(cross[:, rows].tolist())
        explained = queried * inverse * queried.T
        variances = [mpmath.mpf(float(setting.variances[q])) - explained[q, q] for q in range(3)]
        return queried * inverse * mpmath.matrix(setting.targets[rows].tolist()), variances

    with mpmath.workdps(50):
        mean_in, variance_in = law(setting.everyone_but())
        for s in range(6):
            mean, variance = law(setting.everyone_but(s))
            for q in range(3):
                squared = mpmath.fsum((mean[q, k] - mean_in[q, k]) ** 2 for k in range(3))
                ratio = variance[q] / variance_in[q]
                forward = 3 * (ratio - 1 - mpmath.log(ratio)) + squared / variance_in[q]
                backward = 3 * (1 / ratio - 1 + mpmath.log(ratio)) + squared / variance[q]
                pairs = [
                    (found.mean_distance, squared / 6),
                    (found.directions.kl_out_in(), forward / 2),
                    (found.directions.kl_in_out(), backward / 2),
                ]
                for ours, exact in pairs:
                    assert float(ours[s, q]) == pytest.approx(float(exact), rel=1e-10, abs=0)
    assert found.directions.kl_out_in().min() < 1e-9


def test_records_as_queries_need_no_kernel():
    setting = problem(1)
    posterior = setting.fit()
    queried = query_influence(posterior, setting.kernel, setting.kernel.diagonal())
    read = training_influence(posterior, slice(None))
    for name in ("mean_in", "variance_in", "response", "mean_distance", "variance_out"):
        torch.testing.assert_close(
            getattr(read, name), getattr(queried, name), rtol=1e-9, atol=1e-12
        )
    torch.testing.assert_close(
        read.directions.kl_out_in(), queried.directions.kl_out_in(), rtol=1e-8, atol=1e-12
    )
    some = training_influence(posterior, torch.tensor([5, 2]))
    torch.testing.assert_close(some.response, read.response[:, [5, 2]], rtol=0, atol=0)


def test_diagonal_of_the_table_is_the_self_influence():
    posterior = problem(2).fit()
    table = training_table(posterior, Directions.kl_out_in)
    torch.testing.assert_close(
        table.diagonal(), self_influence(posterior).kl_out_in, rtol=1e-12, atol=0
    )


@pytest.mark.parametrize("block", [1, 2, 100])
def test_blocks_do_not_matter(block):
    setting = problem(3)
    posterior = setting.fit()
    whole = query_influence(posterior, setting.cross, setting.variances).directions
    parts = query_table(posterior, setting.cross, setting.variances, Directions.auc, block)
    torch.testing.assert_close(parts, whole.auc(), rtol=1e-12, atol=0)
    torch.testing.assert_close(
        training_table(posterior, Directions.kl_in_out, block),
        training_table(posterior, Directions.kl_in_out),
        rtol=1e-13,
        atol=0,
    )


def test_repeated_and_scaled_queries_add_nothing():
    setting = problem(4)
    posterior = setting.fit()
    turn = torch.tensor([[1.0, 0, 0], [0, 1, 0], [1, 0, 0], [-2.5, 0, 0], [0, 0, 1]]).double()
    cross, covariance = setting.cross[:3], setting.covariance[:3, :3]
    plain = joint_influence(posterior, cross, covariance)
    more = joint_influence(posterior, turn @ cross, turn @ covariance @ turn.T)
    assert (plain.rank, more.rank) == (3, 3)
    torch.testing.assert_close(
        more.directions.spread, plain.directions.spread, rtol=1e-8, atol=1e-13
    )


def test_joint_set_of_one_is_the_query():
    setting = problem(5)
    posterior = setting.fit()
    single = query_influence(posterior, setting.cross, setting.variances).directions
    joint = joint_influence(posterior, setting.cross[:1], setting.covariance[:1, :1]).directions
    torch.testing.assert_close(joint.spread, single.spread[:, 0], rtol=1e-12, atol=0)


def test_a_query_without_variance_tells_nothing():
    setting = problem(6)
    cross, variances = setting.cross.clone(), setting.variances.clone()
    cross[1], variances[1] = 0, 0
    found = query_influence(setting.fit(), cross, variances).directions
    assert (found.kl_out_in()[:, 1] == 0).all()
    assert (found.auc()[:, 1] - 0.5).abs().max() < 1e-15
    joint = joint_influence(setting.fit(), cross, torch.diag(variances) + setting.covariance * 0)
    assert joint.rank < 4


def test_a_variance_lost_in_rounding_is_refused():
    setting = problem(7, noise=4e-15)
    with pytest.raises(ImprintError, match="query 0 is lost in rounding"):
        query_influence(setting.fit(), setting.kernel[:1], setting.kernel.diagonal()[:1])


def test_shapes_that_do_not_fit():
    setting = problem(8)
    posterior = setting.fit()
    with pytest.raises(ImprintError, match="do not fit 9 records"):
        query_influence(posterior, setting.cross[:, :5], setting.variances)
    with pytest.raises(ImprintError, match="float64"):
        query_influence(posterior, setting.cross.float(), setting.variances)
    with pytest.raises(ImprintError, match="do not fit 9 records"):
        joint_influence(posterior, setting.cross, setting.covariance[:2, :2])
