"""Bounds of measures hold wherever the truth lies within the bounds of the roots."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from imprint.lenses.leave_one_out.large.query_error import RootErrors, error_bounds
from imprint.lenses.leave_one_out.posterior.queries import tabulate

MEASURES = ("kl_out_in", "kl_in_out", "auc")


def made(own, weights, solved, variance):
    means = torch.zeros(solved.shape[1], weights.shape[1])
    return tabulate(own, weights, solved, means, variance)


@pytest.mark.parametrize("outputs", [1, 3])
@given(seed=st.integers(0, 10**6), size=st.sampled_from([1e-8, 1e-4, 1e-2]))
def test_the_truth_is_never_further_off_than_the_bound(outputs, seed, size):
    generator = torch.Generator().manual_seed(seed)
    own = 0.5 + torch.rand(9, generator=generator).double()
    weights = torch.randn(9, outputs, generator=generator).double()
    solved = torch.randn(9, 4, generator=generator).double() * 0.3
    variance = 0.2 + torch.rand(4, generator=generator).double()
    truth = made(own, weights, solved, variance)

    solution = size * torch.rand(4, generator=generator).double()
    signs = torch.randint(0, 2, (9, 4), generator=generator).double() * 2 - 1
    moved = solved + signs * solution * own.sqrt()[:, None]
    change = torch.randn(9, outputs, generator=generator).double()
    change *= size * own.sqrt()[:, None] / change.norm(dim=1, keepdim=True)
    above = size * torch.rand(4, generator=generator).double()
    computed = made(own, weights + change, moved, variance + above)

    bounds = error_bounds(computed, own, RootErrors(solution, above, size))
    slack = 1e-9 * size + 1e-13
    for name in MEASURES:
        ours, theirs = (getattr(each.directions, name)() for each in (computed, truth))
        assert ((ours - theirs).abs() <= bounds[name] + slack).all(), name
    for name in ("mean_distance", "variance_out"):
        off = (getattr(computed, name) - getattr(truth, name)).abs()
        assert (off <= bounds[name] + slack).all(), name
    assert ((computed.shift - truth.shift).norm(dim=-1) <= bounds["shift"] + slack).all()


def test_a_variance_below_its_error_leaves_no_bound():
    one = torch.ones(1).double()
    influence = made(one, one[:, None], 0.1 * one[:, None], 1e-6 * one)
    bounds = error_bounds(influence, one, RootErrors(1e-3 * one, 1e-5 * one, 0.0))
    assert torch.isinf(bounds["kl_out_in"]).all()


def test_no_errors_leave_no_doubt():
    one = torch.ones(1).double()
    influence = made(one, one[:, None], 0.3 * one[:, None], one)
    for name, bound in error_bounds(influence, one, RootErrors(0 * one, 0 * one, 0.0)).items():
        assert float(bound) == pytest.approx(0, abs=1e-15), name
