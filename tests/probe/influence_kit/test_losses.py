import pytest
import torch

from imprint.probe.influence_kit.losses import curvature_root, loss_slopes, row_losses

OUTPUTS = torch.tensor([[0.3, -1.0, 2.0], [0.0, 0.5, -0.2]], dtype=torch.float64)
TARGETS = {
    "cross_entropy": torch.tensor([2, 0]),
    "squared": torch.tensor([2, 0]),
    "binary_cross_entropy": torch.tensor([[1, 0, 1], [0, 0, 1]]),
    "squared_error": torch.tensor([[0.5, 0.0, -1.0], [2.0, 1.0, 0.0]], dtype=torch.float64),
}


@pytest.mark.parametrize("kind", TARGETS)
def test_slopes_and_curvature_are_the_derivatives_of_the_losses(kind):
    targets = TARGETS[kind]
    for row in range(2):
        here = slice(row, row + 1)

        def loss(outputs, here=here):
            return row_losses(kind, outputs[None], targets[here])[0]

        slope = torch.autograd.functional.jacobian(loss, OUTPUTS[row])
        torch.testing.assert_close(loss_slopes(kind, OUTPUTS[here], targets[here])[0], slope)
        hessian = torch.autograd.functional.hessian(loss, OUTPUTS[row])
        root = curvature_root(kind, OUTPUTS[here])[0]
        torch.testing.assert_close(root @ root.T, hessian)
