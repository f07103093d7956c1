import math
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.kernels.dual_activations import Activation
from imprint.lenses.leave_one_out.kernels.kernel import KERNELS, Kernel
from imprint.lenses.leave_one_out.kernels.tiles import Footprint, Records, gram, tile_pairs
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


def test_every_kernel_is_tested_here() -> None:
    assert KERNELS.names() == sorted(SMALL)


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
@pytest.mark.parametrize("activation", get_args(Activation))
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


def test_radial_basis_by_hand() -> None:
    x = torch.tensor([[0.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
    expected = torch.tensor([[1, math.exp(-3)], [math.exp(-3), 1]], dtype=torch.float64)
    torch.testing.assert_close(KERNELS.get("rbf")(gamma=3.0)(x), expected, rtol=1e-15, atol=0)


def test_features_by_hand() -> None:
    x = torch.tensor([[3.0, 4.0], [4.0, 3.0], [0.0, 0.0]], dtype=torch.float64)
    linear = torch.tensor([[25, 24, 0], [24, 25, 0], [0, 0, 0]], dtype=torch.float64)
    cosine = torch.tensor([[1, 0.96, 0], [0.96, 1, 0], [0, 0, 0]], dtype=torch.float64)
    features = KERNELS.get("features")
    torch.testing.assert_close(features()(x), linear / 2, rtol=1e-14, atol=0)
    torch.testing.assert_close(features(similarity="cosine")(x), cosine, rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", SMALL)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 5))
@settings(max_examples=8, deadline=None)
def test_matrices_are_symmetric_and_positive(name: str, seed: int, count: int) -> None:
    kernel, x = small(name), images(count, seed)
    matrix = kernel(x)
    assert torch.equal(matrix, matrix.T)
    assert torch.equal(matrix.diagonal(), kernel.diagonal(x))
    torch.testing.assert_close(kernel(x, x), matrix, rtol=1e-12, atol=0)
    torch.testing.assert_close(kernel(x[:2], x), matrix[:2], rtol=1e-12, atol=1e-15)
    assert torch.linalg.eigvalsh(matrix).min() > -1e-13 * matrix.max()


@pytest.mark.parametrize("name", ["fc", "conv", "conv_pool", "myrtle", "wide_resnet"])
def test_relu_without_bias_is_homogeneous(name: str) -> None:
    kernel, x, y = small(name), images(3), images(2, seed=1)
    torch.testing.assert_close(kernel(3 * x, y), 3 * kernel(x, y), rtol=1e-12, atol=0)
    scaled = small(name, input_scale=3.0)
    torch.testing.assert_close(scaled(x, y), 9 * kernel(x, y), rtol=1e-12, atol=0)
    torch.testing.assert_close(scaled.diagonal(x), 9 * kernel.diagonal(x), rtol=1e-12, atol=0)


def test_erf_without_bias_is_odd() -> None:
    kernel, x, y = small("fc", activation="erf"), images(3), images(2, seed=1)
    torch.testing.assert_close(kernel(-x, y), -kernel(x, y), rtol=1e-14, atol=0)


@pytest.mark.parametrize("name", SMALL)
def test_memory_does_not_change_the_numbers(name: str) -> None:
    kernel, x, y = small(name), images(7), images(3, seed=1)
    close = {"rtol": 1e-13, "atol": 1e-15}
    torch.testing.assert_close(kernel(x, memory=1), kernel(x), **close)
    torch.testing.assert_close(kernel(x, y, memory=1000), kernel(x, y), **close)
    torch.testing.assert_close(kernel.diagonal(x, memory=1), kernel.diagonal(x), **close)


@pytest.mark.parametrize("memory", [1, 1 << 28])
@pytest.mark.parametrize("name", SMALL)
def test_gradients_agree_with_differences(name: str, memory: int) -> None:
    sizes = {"conv": (2, 2), "conv_pool": (1, 2), "myrtle": (4, 4), "wide_resnet": (5, 1)}
    height, width = sizes.get(name, (1, 1))
    x = images(2, side=5)[..., :height, :width].clone().requires_grad_()
    y = images(1, seed=1, side=5)[..., :height, :width].clone().requires_grad_()
    kernel = small(name)
    check = {"fast_mode": True, "atol": 1e-7, "check_undefined_grad": False}
    assert torch.autograd.gradcheck(lambda a, b: kernel(a, b, memory), (x, y), **check)
    assert torch.autograd.gradcheck(lambda a: kernel(a, memory=memory), (x,), **check)
    assert torch.autograd.gradcheck(lambda a: kernel.diagonal(a, memory), (x,), **check)


@pytest.mark.parametrize("limit", ["nngp", "ntk"])
@pytest.mark.parametrize("activation", get_args(Activation))
def test_gradients_of_fully_connected_kernels(activation: Activation, limit: str) -> None:
    x, y = images(3).requires_grad_(), images(2, seed=1).requires_grad_()
    kernel = small("fc", activation=activation, limit=limit, b_std=0.2)
    assert torch.autograd.gradcheck(kernel, (x, y))
    assert torch.autograd.gradcheck(kernel, (x,))


@pytest.mark.parametrize("name", SMALL)
def test_gradients_at_the_same_and_at_zero_input_are_finite(name: str) -> None:
    train = images(3)
    train[2] = 0
    query = train.clone().requires_grad_()
    for matrix in (small(name)(query, train), small(name)(query)):
        (gradient,) = torch.autograd.grad(matrix.sum(), query)
        assert gradient.isfinite().all()


def test_the_gradient_at_a_training_point_by_hand() -> None:
    # k(s, s) = 2 |s|²/d at any depth, and half its gradient is that in the first argument.
    train = images(3)
    query = train.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(small("fc")(query, train).trace(), query)
    expected = 2 * train / train[0].numel()
    torch.testing.assert_close(gradient, expected, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("name", SMALL)
def test_prepared_records_stand_for_their_inputs(name: str) -> None:
    kernel, x, y = small(name), images(3), images(2, seed=1)
    prepared = kernel.prepare(x)
    assert torch.equal(kernel(y, prepared), kernel(y, x))
    assert torch.equal(kernel(prepared), kernel(x))


@pytest.mark.parametrize("name", SMALL)
def test_single_precision_inputs_are_computed_in_double(name: str) -> None:
    x = images(3).float()
    matrix = small(name)(x)
    assert matrix.dtype == torch.float64
    assert torch.equal(matrix, small(name)(x.double()))


def test_a_symmetric_matrix_computes_each_tile_once() -> None:
    seen: list[tuple[int, int]] = []

    def pairs(rows: Records, columns: Records) -> Tensor:
        seen.append((len(rows), len(columns)))
        return rows.inputs @ columns.inputs.T

    x = torch.from_numpy(np.random.default_rng(0).normal(size=(1000, 3)))
    matrix = gram(pairs, Records(x), None, Footprint())
    torch.testing.assert_close(matrix, x @ x.T, rtol=1e-14, atol=1e-15)
    assert sum(rows * columns for rows, columns in seen) < 0.6 * 1000**2


def test_tiles_stay_within_the_memory_allowed() -> None:
    gpu = torch.device("cuda")
    assert tile_pairs(Footprint(1, 1, 1), gpu, 48 * 1000) == 1000
    assert tile_pairs(Footprint(10, 2, 1), gpu, 48 * 1000) == 100
    assert tile_pairs(Footprint(10**6, 1, 1), gpu, 48 * 1000) == 1
    assert tile_pairs(Footprint(), torch.device("cpu"), 1 << 40) < 1 << 24


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("fc", {"depth": 0}, "depth is 0: it must be at least 1"),
        ("fc", {"w_std": 0.0}, "w_std is 0.0: it must be above 0"),
        ("fc", {"b_std": -0.1}, "b_std is -0.1: it must be from 0 to 1e\\+100"),
        ("fc", {"w_std": math.nan}, "w_std is nan"),
        ("fc", {"input_scale": math.inf}, "input_scale is inf"),
        ("fc", {"activation": "tanh"}, "'tanh': choose one of relu, erf, gelu"),
        ("fc", {"limit": "ntkk"}, "limit is 'ntkk': it must be nngp or ntk"),
        ("conv", {"window": 0}, "window is 0"),
        ("conv_pool", {"depth": -1}, "depth is -1"),
        ("myrtle", {"depth": 6}, "depth is 6: it must be 5, 7 or 10"),
        ("rbf", {"gamma": 0.0}, "gamma is 0.0"),
        ("features", {"similarity": "euclid"}, "similarity is 'euclid'"),
    ],
)
def test_options_that_make_no_kernel(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ImprintError, match=message):
        KERNELS.get(name)(**options)


@pytest.mark.parametrize(
    ("name", "x", "other", "message"),
    [
        ("fc", torch.zeros(3), None, r"got \[3\]"),
        ("fc", torch.zeros(0, 3), None, r"got \[0, 3\]"),
        ("fc", torch.zeros(2, 3, dtype=torch.uint8), None, "got uint8"),
        ("rbf", torch.tensor([[0.0], [math.nan]]), None, "input 1 .* NaN"),
        ("features", torch.zeros(2, 3), torch.zeros(2, 4), r"got \[3\] and \[4\]"),
        ("conv", torch.zeros(2, 3), None, r"takes images \[n, C, H, W\], got \[2, 3\]"),
        ("myrtle", torch.zeros(1, 3, 6, 8), None, "6 × 8 pixels"),
        ("conv", torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 4, 4), "inputs of one shape"),
    ],
)
def test_inputs_no_kernel_takes(name: str, x: Tensor, other: Tensor | None, message: str) -> None:
    with pytest.raises(ImprintError, match=message):
        small(name)(x, other)
