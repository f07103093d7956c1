import math

import numpy as np
import pytest
import torch
from scipy.special import expit
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.kernels.dual_activations import dual_activation
from imprint.lenses.leave_one_out.kernels.series_dual import SeriesDual
from imprint.neurons.activation_function import activation_function
from tests.lenses.leave_one_out.plain_kernels import panels, trapezoids


def sigmoid_slope(u):
    return expit(u) * expit(-u)


SMOOTH = {
    "tanh": (np.tanh, lambda u: np.cosh(u) ** -2.0, lambda u: -2 * np.tanh(u) / np.cosh(u) ** 2),
    "sigmoid": (
        expit,
        sigmoid_slope,
        lambda u: sigmoid_slope(u) * (1 - 2 * expit(u)),
    ),
    "silu": (
        lambda u: u * expit(u),
        lambda u: expit(u) + u * sigmoid_slope(u),
        lambda u: sigmoid_slope(u) * (2 + u * (1 - 2 * expit(u))),
    ),
    "softplus": (
        lambda u: np.logaddexp(u, 0),
        expit,
        sigmoid_slope,
    ),
}
"""φ, φ', φ''."""
CASES = [(0.3, 1.0, 2.0), (-0.9, 1.5, 0.8), (0.0, 0.4, 3.0), (1.2, 1.3, 1.2), (0.02, 0.1, 0.05)]
BY_SERIES = ["tanh", "sigmoid", "silu", "softplus", "mish", "elu", "selu", "relu_squared"]
IN_CLOSED_FORM = ["relu", "erf", "gelu", "leaky_relu:0.3", "abs", "sin", "cos", "gaussian", "exp"]


def tensors(*values: float) -> list[Tensor]:
    return [torch.tensor([[value]], dtype=torch.float64) for value in values]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", SMOOTH)
def test_values_and_slopes_are_expectations(name: str, case: tuple[float, ...]) -> None:
    k, p, q = case
    phi, slope, second = SMOOTH[name]
    dual = dual_activation(name)
    assert isinstance(dual, SeriesDual)
    close = {"rel": 1e-11, "abs": 1e-13}
    assert dual(*tensors(*case)).item() == pytest.approx(trapezoids(phi, phi, k, p, q), **close)
    by_k, by_p, by_q = (each.item() for each in dual.slopes(*tensors(*case)))
    assert by_k == pytest.approx(trapezoids(slope, slope, k, p, q), **close)
    assert dual.slope(*tensors(*case)).item() == by_k
    assert by_p == pytest.approx(trapezoids(second, phi, k, p, q) / 2, **close)
    assert by_q == pytest.approx(trapezoids(second, phi, k, q, p) / 2, **close)


@pytest.mark.parametrize("case", [(0.3, 1.0, 2.0), (1.2, 1.3, 1.2)])
def test_elu_with_its_kinks_is_the_expectation(case: tuple[float, ...]) -> None:
    def phi(u):
        return np.where(u > 0, u, np.expm1(np.minimum(u, 0)))

    def slope(u):
        return np.where(u > 0, 1, np.exp(np.minimum(u, 0)))

    dual = dual_activation("elu")
    close = {"rel": 1e-10}
    assert dual(*tensors(*case)).item() == pytest.approx(panels(phi, phi, *case), **close)
    assert dual.slope(*tensors(*case)).item() == pytest.approx(panels(slope, slope, *case), **close)


@pytest.mark.parametrize("name", IN_CLOSED_FORM)
def test_the_series_agrees_with_closed_forms(name: str) -> None:
    """Value, slopes, variance, and the gradient of the slope."""
    closed, dual = dual_activation(name), SeriesDual(activation_function(name))
    assert not isinstance(closed, SeriesDual)
    for case in [*CASES, (1.0, 1.0, 1.0)]:
        pairs = [(closed(*tensors(*case)), dual(*tensors(*case)))]
        pairs += zip(closed.slopes(*tensors(*case)), dual.slopes(*tensors(*case)), strict=True)
        pairs.append((closed.variance(tensors(case[1])[0]), dual.variance(tensors(case[1])[0])))
        gradients = []
        for each in (closed, dual):
            inputs = [part.requires_grad_() for part in tensors(*case)]
            slopes = torch.autograd.grad(each.slope(*inputs).sum(), inputs)
            gradients.append(torch.cat(slopes))
        pairs.append((gradients[0], gradients[1]))
        for expected, value in pairs:
            torch.testing.assert_close(value, expected, rtol=3e-12, atol=3e-12)


@pytest.mark.parametrize("name", BY_SERIES)
def test_gradients_agree_with_differences_and_broadcast(name: str) -> None:
    random = np.random.default_rng(0)
    one, other = random.normal(size=(3, 8)), random.normal(size=(4, 8))
    inputs = [one @ other.T, (one**2).sum(1)[:, None], (other**2).sum(1)[None]]
    k, p, q = (torch.tensor(values / 8, requires_grad=True) for values in inputs)
    dual = dual_activation(name)
    assert torch.autograd.gradcheck(dual, (k, p, q))
    assert torch.autograd.gradcheck(dual.slope, (k, p, q))
    assert torch.autograd.gradcheck(dual.variance, (p,))


@pytest.mark.parametrize("name", BY_SERIES)
def test_gradients_are_finite_where_inputs_are_collinear_or_zero(name: str) -> None:
    p = torch.tensor([[2.0], [0.3], [0.0]], dtype=torch.float64, requires_grad=True)
    q = torch.tensor([[2.0, 0.3, 0.0]], dtype=torch.float64, requires_grad=True)
    k = torch.sqrt(p * q).detach().requires_grad_()
    dual = dual_activation(name)
    for result in (dual(k, p, q), dual.slope(k, p, q)):
        gradients = torch.autograd.grad(result.sum(), (k, p, q))
        assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("name", BY_SERIES)
def test_variances_are_values_of_equal_units_within_the_error_stated(name: str) -> None:
    dual = dual_activation(name)
    for low, high in ((0.02, 0.04), (1.0, 4.0), (0.0, 3.0)):
        p = torch.linspace(low, high, 9, dtype=torch.float64)
        away = (dual.variance(p) - dual(p, p, p)).abs().max() / dual.variance(p).max()
        assert float(away) <= dual.error(p) + 1e-13  # rounding of both sides
        assert dual.error(p) < 2e-8


def test_the_error_stated_of_a_kink_elsewhere_covers_the_true_one() -> None:
    """Hard tanh has kinks at −1 and 1, which nothing takes out."""

    def hard(values: Tensor) -> Tensor:
        return values.clamp(-1, 1)

    dual, p = SeriesDual(hard), torch.tensor([1.0], dtype=torch.float64)
    # E[min(|z|, 1)²] of a normal number
    inside = math.erf(1 / math.sqrt(2)) - math.sqrt(2 / math.pi) * math.exp(-0.5)
    expected = inside + math.erfc(1 / math.sqrt(2))
    away = abs(dual(p, p, p).item() / expected - 1)
    assert 1e-9 < away <= dual.error(p) < 1e-3
    assert dual.variance(p).item() == pytest.approx(expected, rel=1e-4)


def test_a_step_keeps_its_digits_by_its_closed_form() -> None:
    # E[sign u sign v] = (2/π) arcsin ρ
    dual = SeriesDual(torch.sign)
    for rho in (-0.7, 0.2, 1.0):
        value = dual(*tensors(rho, 1.0, 1.0)).item()
        assert value == pytest.approx(2 / math.pi * math.asin(rho), abs=1e-13)


def test_functions_that_overflow_are_refused() -> None:
    p = torch.tensor([1e9], dtype=torch.float64)
    with pytest.raises(ImprintError, match=r"not finite for units of standard deviation"):
        SeriesDual(torch.exp)(p, p, p)
    with pytest.raises(ImprintError, match="variances of units are not finite"):
        dual_activation("tanh")(p * math.inf, p * math.inf, p * math.inf)


def test_blocks_do_not_change_the_numbers() -> None:
    random = np.random.default_rng(1)
    x = torch.from_numpy(random.normal(size=(300, 40)) / 6)
    k, p = x @ x.T, (x * x).sum(1)
    whole = dual_activation("silu")(k, p[:, None], p[None])
    torch.testing.assert_close(whole, whole.T, rtol=1e-12, atol=1e-15)
    one = dual_activation("silu")(k[7:8, 9:10], p[7:8, None], p[None, 9:10])
    torch.testing.assert_close(one[0, 0], whole[7, 9], rtol=1e-11, atol=1e-15)
