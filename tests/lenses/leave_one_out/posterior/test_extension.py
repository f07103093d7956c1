import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.extension import extend
from imprint.lenses.leave_one_out.posterior.posterior import fit


@pytest.mark.parametrize("added", [1, 3])
def test_an_extended_fit_is_the_fit_of_all_records(added):
    torch.manual_seed(0)
    x = torch.randn(20, 5).double()
    matrix = x @ x.T + torch.exp(-(torch.cdist(x, x) ** 2))
    matrix = (matrix + matrix.T) / 2
    targets = torch.randn(20, 2).double()
    whole, count = fit(matrix, targets, 0.1), 20 - added
    smaller = fit(matrix[:count, :count].clone(), targets[:count], 0.1)
    extended = extend(smaller, matrix[count:, :count], matrix[count:, count:], targets[count:])
    for name in ("kernel_matrix", "factor", "weights", "inverse", "leverage"):
        torch.testing.assert_close(
            getattr(extended, name), getattr(whole, name), rtol=1e-10, atol=1e-11
        )
    assert torch.equal(extended.inverse, extended.inverse.T)


def test_a_kernel_that_is_not_finite_is_refused():
    smaller = fit(torch.eye(2).double(), torch.ones(2, 1).double(), 1.0)
    bad = torch.full((1, 2), torch.inf).double()
    with pytest.raises(ImprintError, match="not finite"):
        extend(smaller, bad, torch.ones(1, 1).double(), torch.ones(1, 1).double())
