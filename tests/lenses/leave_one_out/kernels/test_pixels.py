import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from imprint.lenses.leave_one_out.kernels import pixels
from imprint.lenses.leave_one_out.kernels.kernel import KERNELS, Kernel


def images(count: int, height: int, width: int, seed: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 3, height, width)))


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


TANGENTS = ["conv", "conv_pool", "myrtle", "wide_resnet"]


def shrunk(name: str, **options: Any) -> Kernel:
    depth = {} if name in ("myrtle", "wide_resnet") else {"depth": 2}
    return KERNELS.get(name)(**depth, **options)


def test_tangent_of_one_pixel_is_that_of_a_fully_connected_network() -> None:
    x, y = images(3, 1, 1, 0), images(2, 1, 1, 1)
    options = {"depth": 3, "b_std": 0.2, "limit": "ntk", "activation": "tanh"}
    dense = KERNELS.get("fc")(**options)
    for name in ("conv", "conv_pool"):
        kernel = KERNELS.get(name)(**options, window=1)
        torch.testing.assert_close(kernel(x, y), dense(x, y), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", TANGENTS)
def test_tangents_of_images_are_symmetric_positive_and_homogeneous(name: str) -> None:
    kernel, x, y = shrunk(name, limit="ntk"), images(3, 4, 4, 0), images(2, 4, 4, 1)
    matrix = kernel(x)
    assert torch.equal(matrix, matrix.T)
    torch.testing.assert_close(kernel(x, x), matrix, rtol=1e-12, atol=1e-15)
    assert torch.linalg.eigvalsh(matrix).min() > 0
    torch.testing.assert_close(kernel(3 * x, y), 3 * kernel(x, y), rtol=1e-12, atol=0)
    # All layers trained: the last one's share, which is the process, is part of it.
    assert (matrix.diagonal() > shrunk(name)(x).diagonal()).all()


@pytest.mark.parametrize("name", ["conv", "conv_pool"])
def test_the_tangent_is_the_product_of_gradients_of_wide_networks(name: str) -> None:
    """Mean over networks of ⟨∇f(x), ∇f(x')⟩ for weights drawn as √variance times unit normals."""
    x = images(2, 3, 3, 0)
    expected = KERNELS.get(name)(depth=2, window=3, limit="ntk", activation="erf", w_std=1.2)(x)
    width, networks = 64, 60
    random = torch.Generator().manual_seed(0)
    drawn = []
    for _ in range(networks):
        shapes = [(width, 3, 3, 3), (width, width, 3, 3), (width * (9 if name == "conv" else 1),)]
        weights = [
            torch.randn(shape, generator=random, dtype=torch.float64).requires_grad_()
            for shape in shapes
        ]
        hidden = x
        for weight in weights[:2]:
            scale = 1.2 / math.sqrt(weight[0].numel())
            hidden = torch.special.erf(functional.conv2d(hidden, scale * weight, padding=1))
        last = hidden.flatten(1) if name == "conv" else hidden.mean(dim=(2, 3))
        outputs = (1.2 / math.sqrt(last.shape[1])) * last @ weights[2]
        gradients = [
            torch.cat(
                [part.flatten() for part in torch.autograd.grad(one, weights, retain_graph=True)]
            )
            for one in outputs
        ]
        stacked = torch.stack(gradients)
        drawn.append((stacked @ stacked.T).detach())
    means = torch.stack(drawn)
    error = means.std(0) / math.sqrt(networks)
    # Finite width biases by its inverse; 5 standard errors of 3 numbers: 2e-6 by chance.
    assert ((means.mean(0) - expected).abs() <= 5 * error + expected.abs() / width).all()
    assert (error < 0.05 * expected.diagonal().mean()).all()


@pytest.mark.parametrize(("height", "width"), [(4, 4), (3, 5), (5, 1), (1, 4)])
def test_rows_of_displacements_agree_with_single_displacements(
    height: int, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, y = images(3, height, width, 0), images(2, height, width, 1)
    kernel = KERNELS.get("conv_pool")(depth=2, b_std=0.1, limit="ntk", activation="silu")
    whole = kernel(x, y), kernel(x), kernel.diagonal(x)
    monkeypatch.setattr(pixels, "MOST_ROW_VALUES", 0)
    for by_rows, single in zip(whole, (kernel(x, y), kernel(x), kernel.diagonal(x)), strict=True):
        torch.testing.assert_close(by_rows, single, rtol=1e-11, atol=0)
