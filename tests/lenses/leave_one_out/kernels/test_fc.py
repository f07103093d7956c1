import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from imprint.lenses.leave_one_out.kernels.dual_activation import Activation
from imprint.lenses.leave_one_out.kernels.fc import FullyConnected
from imprint.lenses.leave_one_out.kernels.kernel import KERNELS, Kernel
from tests.lenses.leave_one_out.plain_kernels import quadrature, quadrature_slope

SMALL: dict[str, dict[str, Any]] = {
    "conv": {"depth": 2},
    "conv_pool": {"depth": 2},
    "fc": {"depth": 3},
    "features": {},
    "myrtle": {},
    "rbf": {},
    "wide_resnet": {},
}


def small(name: str, **options: Any) -> Kernel:
    return KERNELS.get(name)(**SMALL[name], **options)


def images(count: int, seed: int = 0, side: int = 4) -> Tensor:
    values = np.random.default_rng(seed).normal(size=(count, 2, side, side))
    return torch.from_numpy(values)


def fully_connected(
    x: list[float], y: list[float], depth: int, activation: str, w_std: float, b_std: float
) -> tuple[float, float]:
    """NNGP and NTK of two inputs, layer by layer, activations by quadrature."""

    def affine(value: float) -> float:
        return w_std**2 * value + b_std**2

    def inner(a: list[float], b: list[float]) -> float:
        return affine(sum(s * t for s, t in zip(a, b, strict=True)) / len(a))

    k, p, q = inner(x, y), inner(x, x), inner(y, y)
    tangent = k
    for _ in range(depth):
        slope = quadrature_slope(activation, k, p, q)
        k, p, q = (
            affine(quadrature(activation, *case)) for case in ((k, p, q), (p, p, p), (q, q, q))
        )
        tangent = k + w_std**2 * tangent * slope
    return k, tangent


@pytest.mark.parametrize("b_std", [0.0, 0.3])
@pytest.mark.parametrize("activation", ["relu", "erf", "gelu", "tanh"])
def test_fully_connected_layers(activation: Activation, b_std: float) -> None:
    x, y = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 2, 5)))
    options = {"depth": 2, "activation": activation, "w_std": 1.3, "b_std": b_std}
    nngp = KERNELS.get("fc")(**options)
    ntk = KERNELS.get("fc")(**options, limit="ntk")
    pairs = [
        [fully_connected(a, b, 2, activation, 1.3, b_std) for b in y.tolist()] for a in x.tolist()
    ]
    own = [fully_connected(a, a, 2, activation, 1.3, b_std) for a in x.tolist()]
    for kernel, place in ((nngp, 0), (ntk, 1)):
        expected = torch.tensor(pairs, dtype=torch.float64)[..., place]
        torch.testing.assert_close(kernel(x, y), expected, rtol=1e-11, atol=1e-13)
        diagonal = torch.tensor(own, dtype=torch.float64)[:, place]
        torch.testing.assert_close(kernel.diagonal(x), diagonal, rtol=1e-11, atol=0)


def test_one_hidden_relu_layer_by_hand() -> None:
    # Right angle, unit covariances 2 · 2/2 = 2: 2 · t/2π = 2 · 2/2π; diagonal 2 · 2/2.
    x = torch.tensor([[math.sqrt(2), 0.0], [0.0, math.sqrt(2)]], dtype=torch.float64)
    expected = torch.tensor([[2, 2 / math.pi], [2 / math.pi, 2]], dtype=torch.float64)
    torch.testing.assert_close(KERNELS.get("fc")(depth=1)(x), expected, rtol=1e-15, atol=0)


def test_tangent_kernel_of_one_input_by_hand() -> None:
    # F_k is 1/2 there and W_std² 2: each of the 4 maps of weights adds the kernel once.
    x = images(3)
    ntk = small("fc", limit="ntk")
    torch.testing.assert_close(ntk.diagonal(x), 4 * small("fc").diagonal(x), rtol=1e-14, atol=0)


@pytest.mark.parametrize("limit", ["nngp", "ntk"])
@pytest.mark.parametrize("activation", ["relu", "erf", "gelu", "tanh"])
def test_gradients_of_fully_connected_kernels(activation: Activation, limit: str) -> None:
    x, y = images(3).requires_grad_(), images(2, seed=1).requires_grad_()
    kernel = small("fc", activation=activation, limit=limit, b_std=0.2)
    fast = activation == "tanh"  # along one direction drawn at random: its quadrature is slow
    assert torch.autograd.gradcheck(kernel, (x, y), fast_mode=fast)
    assert torch.autograd.gradcheck(kernel, (x,), fast_mode=fast)


@pytest.mark.parametrize("p", [30.0, 1000.0])
def test_the_error_stated_of_a_tangent_kernel_covers_that_of_slopes(p: float) -> None:
    # Inputs that are not standardised: tanh becomes a step and its slope a narrow peak.
    u = np.linspace(-30, 30, 20_001)
    x = torch.tensor([[math.sqrt(p)]], dtype=torch.float64)
    density = np.exp(-(u**2) / (2 * p)) / math.sqrt(2 * math.pi * p)
    expected = (np.cosh(u) ** -4.0 * density).sum() * (u[1] - u[0])  # E[φ'(u)²]
    tangent = FullyConnected(activation="tanh", depth=1, w_std=1.0, limit="ntk")
    initial = FullyConnected(activation="tanh", depth=1, w_std=1.0, limit="nngp")
    variance = torch.tensor([p], dtype=torch.float64)
    away = abs(tangent.dual.slope(variance, variance, variance).item() / expected - 1)
    stated = tangent.expectation_error(tangent.prepare(x))
    assert initial.expectation_error(initial.prepare(x)) < away <= stated
