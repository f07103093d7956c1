import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.lenses.leave_one_out.large.conjugate_gradients import (
    inverse_entries,
    solve,
    unit_vectors,
)
from imprint.lenses.leave_one_out.large.nystrom import Nystrom
from imprint.lenses.leave_one_out.large.panel_cholesky import PanelCholesky
from imprint.lenses.leave_one_out.large.panels import MemoryPanels, Shape
from imprint.lenses.leave_one_out.large.stochastic_diagonal import correction, random_signs
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


@pytest.mark.parametrize("landmarks", [1, 40, 240])
def test_low_rank_plus_diagonal_is_the_inverse_of_its_own_matrix(landmarks):
    problem = large_problem()
    chosen = torch.randperm(240, generator=torch.Generator().manual_seed(1))[:landmarks]
    kernel = problem.posterior.kernel_matrix
    low = kernel[:, chosen] @ torch.linalg.pinv(kernel[chosen][:, chosen], hermitian=True)
    low = low @ kernel[chosen]
    missed = (kernel - low).diagonal().clamp(min=0)
    expected = torch.linalg.inv(low + torch.diag(missed + NOISE))
    found = Nystrom(problem.matrix(), chosen)
    entries, leverage = found.diagonal()
    torch.testing.assert_close(entries, expected.diagonal(), rtol=1e-7, atol=0)
    torch.testing.assert_close(leverage, 1 - NOISE * expected.diagonal(), rtol=1e-7, atol=0)
    right = problem.targets
    torch.testing.assert_close(found.solve(right), expected @ right, rtol=1e-6, atol=1e-7)
    if landmarks == 240:
        torch.testing.assert_close(leverage, problem.truth.leverage, rtol=1e-8, atol=0)


def test_doubled_landmarks_lower_the_rank_only():
    problem = large_problem()
    doubled = type(problem)(torch.cat([problem.x, problem.x[:3]]), problem.targets)
    found = Nystrom(doubled.matrix(), torch.tensor([0, 1, 2, 9, 240, 241, 242]))
    assert found.rank == 4
    assert found.diagonal()[1].isfinite().all()


def test_stochastic_corrections_are_right_on_average_and_say_how_far():
    """Over 30 seeds × 240 records: mean error within 4 deviations of 0, 95 % within 1.96 errors.

    Records of one seed share the signs, so the share of covered ones gets a margin of 2 %.
    """
    problem = large_problem()
    approximate = Nystrom(problem.matrix(), torch.arange(0, 240, 6))
    wanted = problem.posterior.inverse_diagonal - approximate.diagonal()[0]
    scores = []
    for seed in range(30):
        signs = random_signs(240, 64, seed)
        found = correction(signs, problem.posterior.inverse @ signs, approximate.solve(signs))
        scores.append((found.values - wanted) / found.standard_error)
    score = torch.stack(scores)
    assert float(score.mean(0).abs().max()) < 4.5 / 30**0.5 * 1.1
    assert 0.93 < float((score.abs() < 1.96).double().mean()) < 0.97
