import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.lenses.leave_one_out.large.conjugate_gradients import (
    inverse_entries,
    solve,
    unit_vectors,
)
from imprint.lenses.leave_one_out.large.panel_cholesky import PanelCholesky
from imprint.lenses.leave_one_out.large.panels import MemoryPanels, Shape
from tests.lenses.leave_one_out.large_problem import NOISE, large_problem


@given(st.integers(1, 70), st.integers(1, 60))
@settings(max_examples=15, deadline=None)
def test_a_streamed_product_is_the_product(block, size):
    problem = large_problem()
    matrix = type(problem)(problem.x[:size], problem.targets[:size]).matrix(block)
    dense = problem.posterior.kernel_matrix[:size, :size] + NOISE * torch.eye(size).double()
    vectors = torch.randn(size, 3, dtype=torch.float64)
    torch.testing.assert_close(matrix.times(vectors), dense @ vectors, rtol=1e-12, atol=1e-12)


def test_solutions_and_their_bounds():
    problem = large_problem()
    matrix, inverse = problem.matrix(), problem.posterior.inverse
    records = torch.tensor([5, 17, 239])
    right = torch.cat([problem.targets, unit_vectors(records, 240), torch.zeros(240, 1)], 1)
    loose = solve(matrix, lambda b: b, right.double(), 0.3)
    tight = solve(matrix, lambda b: b, right.double(), 1e-11)
    assert loose.converged
    assert tight.converged
    assert loose.passes < tight.passes
    torch.testing.assert_close(tight.values[:, :3], problem.posterior.weights, rtol=0, atol=1e-9)
    assert torch.equal(tight.values[:, 6], torch.zeros(240, dtype=torch.float64))
    for found in (loose, tight):
        off = (found.values - inverse @ right).norm(dim=0)
        assert (off <= found.residual.norm(dim=0) / NOISE + 1e-12).all()
        entries, bound = inverse_entries(
            found.values[:, 3:6], found.residual[:, 3:6], records, NOISE
        )
        truth = inverse.diagonal()[records]
        assert (entries <= truth + 1e-12).all()
        assert (truth <= entries + bound + 1e-12).all()
    assert (bound < 1e-18).all()


def test_an_unfinished_solution_says_so():
    problem = large_problem()
    found = solve(problem.matrix(), lambda b: b, problem.targets, 1e-12, most_passes=2)
    assert (found.passes, found.converged) == (2, False)


def test_a_float32_factor_takes_few_passes():
    problem = large_problem()
    panels = MemoryPanels(Shape(240, 50, torch.float32))
    factor = PanelCholesky(panels, problem.matrix().part, NOISE)
    found = solve(problem.matrix(), factor.solve, problem.targets, 1e-11)
    assert found.converged
    assert found.passes <= 4
    plain = solve(problem.matrix(), lambda b: b, problem.targets, 1e-11)
    assert plain.passes > 3 * found.passes
