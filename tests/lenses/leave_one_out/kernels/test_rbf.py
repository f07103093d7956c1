import math

import torch

from imprint.lenses.leave_one_out.kernels.kernel import KERNELS


def test_radial_basis_by_hand() -> None:
    x = torch.tensor([[0.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    expected = torch.tensor([[1, math.exp(-3)], [math.exp(-3), 1]], dtype=torch.float64)
    torch.testing.assert_close(KERNELS.get("rbf")(gamma=3.0)(x), expected, rtol=1e-15, atol=0)
