import numpy as np
import pytest
import torch

from imprint.lenses.leave_one_out.kernels.dual_activations import dual_activation
from tests.lenses.leave_one_out.plain_kernels import trapezoids

PHI = {
    "identity": (lambda u: u, lambda u: 1 + 0 * u),
    "square": (lambda u: u**2, lambda u: 2 * u),
    "sin": (np.sin, np.cos),
    "cos": (np.cos, lambda u: -np.sin(u)),
    "exp": (np.exp, np.exp),
    "gaussian": (lambda u: np.exp(-(u**2)), lambda u: -2 * u * np.exp(-(u**2))),
}
CASES = [(0.3, 1.0, 2.0), (-0.9, 1.5, 0.8), (1e-9, 0.4, 3.0), (1.2, 1.3, 1.2), (1.4, 1.5, 1.6)]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", PHI)
def test_values_and_slopes_are_expectations(name: str, case: tuple[float, ...]) -> None:
    k, p, q = (torch.tensor([[value]], dtype=torch.float64) for value in case)
    phi, slope = PHI[name]
    dual = dual_activation(name)
    assert dual(k, p, q).item() == pytest.approx(trapezoids(phi, phi, *case), rel=1e-11, abs=1e-12)
    expected = trapezoids(slope, slope, *case)
    assert dual.slope(k, p, q).item() == pytest.approx(expected, rel=1e-11, abs=1e-12)
    assert dual.slopes(k, p, q)[0].item() == pytest.approx(expected, rel=1e-11, abs=1e-12)
    inputs = [part.clone().requires_grad_() for part in (k, p, q)]
    assert torch.autograd.gradcheck(dual, inputs)
    assert torch.autograd.gradcheck(dual.slope, inputs)
    torch.testing.assert_close(dual.variance(p), dual(p, p, p))


def test_sine_of_large_variances_does_not_overflow() -> None:
    p = torch.tensor([[3000.0]], dtype=torch.float64)
    assert dual_activation("sin")(p, p, p).item() == pytest.approx(0.5, rel=1e-12)
    assert dual_activation("cos")(-p, p, p).item() == pytest.approx(0.5, rel=1e-12)
