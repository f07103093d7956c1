import pytest
import torch

from imprint.lenses.leave_one_out.kernels.closed_forms.rectifiers import LeakyReLU, ReLU
from imprint.lenses.leave_one_out.kernels.dual_activations import dual_activation
from tests.lenses.leave_one_out.plain_kernels import panels

CASE = (0.3, 1.0, 2.0)


def tensors() -> list[torch.Tensor]:
    return [torch.tensor([[value]], dtype=torch.float64) for value in CASE]


@pytest.mark.parametrize("alpha", [-1.0, 0.01, 0.3])
def test_leaky_relu_is_the_expectation(alpha: float) -> None:
    def phi(u):
        return (u > 0) * u + (u <= 0) * alpha * u

    expected = panels(phi, phi, *CASE)
    assert LeakyReLU(alpha).value(*tensors()).item() == pytest.approx(expected, rel=1e-12)


def test_slopes_0_and_1_are_relu_and_the_identity() -> None:
    k, p, q = tensors()
    torch.testing.assert_close(LeakyReLU(0.0).value(k, p, q), ReLU().value(k, p, q))
    torch.testing.assert_close(LeakyReLU(1.0).value(k, p, q), k, rtol=1e-15, atol=0)
    absolute = dual_activation("abs")
    torch.testing.assert_close(absolute.variance(p), p)
    assert torch.equal(absolute.value(k, p, q), dual_activation("leaky_relu:-1").value(k, p, q))


def test_gradients_agree_with_differences() -> None:
    inputs = [part.requires_grad_() for part in tensors()]
    dual = LeakyReLU(0.2)
    assert torch.autograd.gradcheck(dual, inputs)
    assert torch.autograd.gradcheck(dual.slope, inputs)
    assert torch.autograd.gradcheck(dual.variance, inputs[1:2])
