import pytest
import torch

from imprint.lenses.leave_one_out.large.nystrom import Nystrom
from tests.lenses.leave_one_out.large_problem import NOISE, large_problem


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
