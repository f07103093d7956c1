"""Convolutional kernels against recursions over all pixels with all, written plainly."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import tests.lenses.leave_one_out.plain_kernels as plain
from imprint.lenses.leave_one_out.kernels.kernel import KERNELS, Kernel


def images(count: int, height: int, width: int, seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 3, height, width)))


def assert_matches(kernel: Kernel, x: Tensor, y: Tensor, expected: Any) -> None:
    """Check the kernel between, and of one image with itself."""
    between = [[expected(plain.first(a, b)) for b in y.numpy()] for a in x.numpy()]
    own = [expected(plain.first(a, a)) for a in x.numpy()[:1]]
    close = {"rtol": 1e-12, "atol": 1e-14}
    torch.testing.assert_close(kernel(x, y), torch.tensor(between, dtype=torch.float64), **close)
    found = kernel.diagonal(x)[:1]
    torch.testing.assert_close(found, torch.tensor(own, dtype=torch.float64), **close)


@pytest.mark.parametrize(
    ("height", "width", "window", "activation", "b_std"),
    [(4, 4, 3, "relu", 0.0), (5, 3, 2, "gelu", 0.2), (3, 4, 4, "erf", 0.1), (1, 3, 5, "relu", 0.3)],
)
@pytest.mark.parametrize("name", ["conv", "conv_pool"])
def test_stacked_convolutions(
    name: str, height: int, width: int, window: int, activation: Any, b_std: float
) -> None:
    options = {"depth": 2, "window": window, "activation": activation, "w_std": 1.2}
    kernel = KERNELS.get(name)(**options, b_std=b_std)
    readout = plain.pooled if name == "conv_pool" else plain.flattened

    def expected(pair: plain.Pair) -> float:
        last = plain.stacked(pair, 2, window, activation, 1.2, b_std)
        return 1.2**2 * readout(last) + b_std**2

    assert_matches(kernel, images(2, height, width, 0), images(1, height, width, 1), expected)


@pytest.mark.parametrize("depth", [5, 7, 10])
def test_myrtle(depth: int) -> None:
    blocks = {5: (1, 1, 1), 7: (1, 2, 2), 10: (2, 3, 3)}[depth]
    activation = "gelu" if depth == 7 else "relu"
    kernel = KERNELS.get("myrtle")(depth=depth, w_std=1.4, b_std=0.1, activation=activation)

    def expected(pair: plain.Pair) -> float:
        return 1.4**2 * plain.pooled(plain.myrtle(pair, blocks, activation, 1.4, 0.1)) + 0.1**2

    assert_matches(kernel, images(1, 4, 8, 0), images(1, 4, 8, 1), expected)


@pytest.mark.parametrize(("height", "width"), [(5, 4), (8, 3), (1, 9)])
def test_wide_resnet(height: int, width: int) -> None:
    kernel = KERNELS.get("wide_resnet")(w_std=1.1, b_std=0.1)

    def expected(pair: plain.Pair) -> float:
        return 1.1**2 * plain.pooled(plain.wide_resnet(pair, 1.1, 0.1)) + 0.1**2

    assert_matches(kernel, images(1, height, width, 0), images(1, height, width, 1), expected)


def test_one_pixel_is_a_fully_connected_network() -> None:
    """A 1×1 window on 1×1 images is a dense layer."""
    x, y = images(3, 1, 1, 0), images(2, 1, 1, 1)
    dense = KERNELS.get("fc")(depth=3, b_std=0.2)
    for name in ("conv", "conv_pool"):
        kernel = KERNELS.get(name)(depth=3, window=1, b_std=0.2)
        torch.testing.assert_close(kernel(x, y), dense(x, y), rtol=1e-14, atol=0)


def test_pooling_forgets_where_a_pattern_lies() -> None:
    """A pattern far from the borders, moved: the same for a pool, another image for flatten."""
    x = torch.zeros(2, 3, 9, 9, dtype=torch.float64)
    pattern = images(1, 1, 1, 0)[0]
    x[0, :, 3:4, 3:4] = pattern
    x[1, :, 5:6, 4:5] = pattern
    pooled = KERNELS.get("conv_pool")(depth=2)(x)
    torch.testing.assert_close(pooled, pooled[0, 0].expand(2, 2), rtol=1e-13, atol=0)
    flat = KERNELS.get("conv")(depth=2)(x)
    assert flat[0, 1] < 0.9 * flat[0, 0]
