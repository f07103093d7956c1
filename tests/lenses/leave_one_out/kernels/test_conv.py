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
