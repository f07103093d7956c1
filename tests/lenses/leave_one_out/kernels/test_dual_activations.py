import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.kernels.dual_activation import Activation
from imprint.lenses.leave_one_out.kernels.dual_activations import dual_activation
from imprint.neurons.activation_function import register_own
from tests.lenses.leave_one_out.plain_kernels import (
    SMOOTH,
    expectation,
    quadrature,
    quadrature_slope,
)

ACTIVATIONS = ("relu", "erf", "gelu")
CASES = [(0.3, 1.0, 2.0), (-0.9, 1.5, 0.8), (0.0, 0.4, 3.0), (1.2, 1.3, 1.2), (0.02, 0.1, 0.05)]


def tensors(*values: float) -> list[Tensor]:
    return [torch.tensor([[value]], dtype=torch.float64) for value in values]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_value_is_the_expectation(activation: Activation, case: tuple[float, ...]) -> None:
    found = dual_activation(activation)(*tensors(*case)).item()
    assert found == pytest.approx(quadrature(activation, *case), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_slopes_are_expectations_of_derivatives(
    activation: Activation, case: tuple[float, ...]
) -> None:
    k, p, q = case
    dual = dual_activation(activation)
    by_k, by_p, by_q = (slope.item() for slope in dual.slopes(*tensors(*case)))
    slope = quadrature_slope(activation, *case)
    assert by_k == pytest.approx(slope, rel=1e-11)
    assert dual.slope(*tensors(*case)).item() == pytest.approx(slope, rel=1e-11)
    if activation == "relu":
        # φ'' is a point mass at 0: ½ · density of u at 0 · E[max(v, 0) | u = 0], likewise for q.
        half = 0.5 / math.sqrt(2 * math.pi)
        expected_p = half / math.sqrt(p) * math.sqrt((q - k * k / p) / (2 * math.pi))
        expected_q = half / math.sqrt(q) * math.sqrt((p - k * k / q) / (2 * math.pi))
    else:
        phi, _, second = SMOOTH[activation]
        expected_p = 0.5 * expectation(second, phi, k, p, q)
        expected_q = 0.5 * expectation(second, phi, k, q, p)
    assert by_p == pytest.approx(expected_p, rel=1e-11, abs=1e-14)
    assert by_q == pytest.approx(expected_q, rel=1e-11, abs=1e-14)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@given(p=st.floats(1e-6, 1e6))
@settings(max_examples=50, deadline=None)
def test_variance_is_the_value_of_equal_units(activation: Activation, p: float) -> None:
    dual = dual_activation(activation)
    equal = torch.tensor([p], dtype=torch.float64)
    torch.testing.assert_close(dual.variance(equal), dual(equal, equal, equal), rtol=1e-13, atol=0)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_agree_with_differences_and_broadcast(activation: Activation) -> None:
    random = np.random.default_rng(0)
    one, other = random.normal(size=(3, 8)), random.normal(size=(4, 8))
    inputs = [one @ other.T, (one**2).sum(1)[:, None], (other**2).sum(1)[None]]
    k, p, q = (torch.tensor(values / 8, requires_grad=True) for values in inputs)
    dual = dual_activation(activation)
    assert torch.autograd.gradcheck(dual, (k, p, q))
    assert torch.autograd.gradcheck(dual.slope, (k, p, q))
    assert torch.autograd.gradcheck(dual.variance, (p,))
    frozen = (k.detach(), p.detach(), q.detach())
    torch.testing.assert_close(dual(k, p, q).detach(), dual(*frozen), rtol=0, atol=0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_are_finite_where_inputs_are_collinear_or_zero(
    activation: Activation, sign: float
) -> None:
    p = torch.tensor([[2.0], [0.3], [0.0]], dtype=torch.float64, requires_grad=True)
    q = torch.tensor([[2.0, 0.3, 0.0]], dtype=torch.float64, requires_grad=True)
    k = (sign * torch.sqrt(p * q)).detach().requires_grad_()
    dual = dual_activation(activation)
    for result in (dual(k, p, q), dual.slope(k, p, q)):
        gradients = torch.autograd.grad(result.sum(), (k, p, q))
        assert all(gradient.isfinite().all() for gradient in gradients)


def test_relu_at_equal_inputs_has_slopes_a_half_and_zero() -> None:
    # 16 units in the last place of k: another order of summation over 3072 numbers.
    p = torch.full((1, 1), 1.7, dtype=torch.float64)
    for k in (p, p * (1 - 3.5e-15), p * (1 + 3.5e-15)):
        by_k, by_p, by_q = dual_activation("relu").slopes(k, p, p)
        assert (by_k.item(), by_p.item(), by_q.item()) == (0.5, 0, 0)


def test_relu_at_zero_input_takes_a_right_angle() -> None:
    k, p, q = tensors(0.0, 0.0, 3.0)
    by_k, by_p, by_q = dual_activation("relu").slopes(k, p, q)
    assert (by_k.item(), by_p.item(), by_q.item()) == (0.25, 0, 0)
    assert dual_activation("relu")(k, p, q).item() == 0


@pytest.mark.parametrize("angle", [1e-3, 1e-5, 1e-7])
def test_relu_keeps_its_digits_near_collinear_pairs(angle: float) -> None:
    # (sin θ + (π − θ) cos θ) / 2π = ½ − θ²/4 + θ³/6π + O(θ⁴)
    k, p, q = tensors(math.cos(angle), 1.0, 1.0)
    expected = 0.5 - angle**2 / 4 + angle**3 / (6 * math.pi)
    tolerance = 3e-16 + angle**4 / 8
    assert abs(dual_activation("relu")(k, p, q).item() - expected) < tolerance


def test_inputs_are_left_alone() -> None:
    for activation in ACTIVATIONS:
        inputs = tensors(0.3, 1.0, 2.0)
        dual = dual_activation(activation)
        dual(*inputs)
        dual.slopes(*inputs)
        assert [value.item() for value in inputs] == [0.3, 1.0, 2.0]


def test_an_unknown_activation_is_named() -> None:
    with pytest.raises(ImprintError, match="'tangent': choose one of abs, "):
        dual_activation("tangent")


def test_closed_forms_state_no_error_and_series_do() -> None:
    p = torch.tensor([0.5, 2.0], dtype=torch.float64)
    assert dual_activation("gelu").error(p) == 0
    assert 0 < dual_activation("tanh").error(p) < 1e-12


def test_a_function_of_the_user_that_changes_is_a_new_dual() -> None:
    def bent(values: Tensor) -> Tensor:
        return values.tanh()

    name = register_own(bent)
    before = dual_activation(name)
    assert dual_activation(name) is before

    def other(values: Tensor) -> Tensor:
        return values.sin()

    other.__name__ = name
    assert register_own(other) == name
    k, p, q = tensors(0.3, 1.0, 2.0)
    expected = dual_activation("sin").value(k, p, q).item()
    assert dual_activation(name).value(k, p, q).item() == pytest.approx(expected, rel=1e-12)
