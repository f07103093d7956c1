"""Blocks of the inverse from solutions, and the bound of the divergence of a group."""

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.large.conjugate_gradients import unit_vectors
from imprint.lenses.leave_one_out.large.group_blocks import divergence_error, group_block
from imprint.lenses.leave_one_out.large.solutions import Solutions, SolverChoice, solve_all
from imprint.lenses.leave_one_out.posterior.groups import block_self_influence
from tests.lenses.leave_one_out.large.large_solved import large_of
from tests.lenses.leave_one_out.large_problem import NOISE, large_problem

ROWS = torch.tensor([4, 100, 17, 230])


def solved(tolerance, passes=None):
    posterior = large_of("nystrom")
    solutions = Solutions([len(ROWS)] * len(ROWS))
    units = unit_vectors(ROWS, posterior.records)
    choice = SolverChoice(tolerance, passes)
    solve_all(posterior, solutions, lambda part: units[:, part], lambda _, x: x[ROWS], choice)
    return posterior, solutions


def test_the_block_is_that_of_the_inverse():
    _, solutions = solved(1e-10)
    truth = large_problem().posterior.inverse[ROWS][:, ROWS]
    torch.testing.assert_close(group_block(solutions, 0, 4, "a"), truth, atol=1e-8, rtol=0)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-3, 1e-6])
def test_the_divergence_is_within_its_bound(tolerance):
    posterior, solutions = solved(tolerance)
    dense = large_problem().posterior
    weights = dense.weights[ROWS]
    block = group_block(solutions, 0, 4, "a")
    truth = block_self_influence(dense.inverse[ROWS][:, ROWS], weights, NOISE).kl_out_in()
    value = block_self_influence(block, weights, NOISE).kl_out_in()
    bound = divergence_error(posterior, solutions, 0, block, weights)
    assert abs(float(value - truth)) <= bound
    assert bound < 1e3 * tolerance


def test_an_indefinite_block_is_one_sentence():
    _, solutions = solved(1e-3)
    solutions.facts[1, 2] = -1
    with pytest.raises(ImprintError, match="at group a is not positive definite at a residual"):
        group_block(solutions, 0, 4, "a")
