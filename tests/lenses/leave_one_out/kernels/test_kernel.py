import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.kernels.kernel import KERNELS, Kernel

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
    # A matrix that is brought along takes no inputs of this kind: see test_given.py.
    assert KERNELS.names() == sorted([*SMALL, "given"])


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


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("fc", {"depth": 0}, "depth is 0: it must be from 1 to 1000"),
        ("conv", {"depth": 10**9}, "depth is 1000000000: it must be from 1 to 1000"),
        ("fc", {"w_std": 0.0}, "w_std is 0.0: it must be above 0"),
        ("fc", {"b_std": -0.1}, "b_std is -0.1: it must be from 0 to 1e\\+100"),
        ("fc", {"w_std": math.nan}, "w_std is nan"),
        ("fc", {"input_scale": math.inf}, "input_scale is inf"),
        ("fc", {"activation": "tangent"}, "'tangent': choose one of abs, "),
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
