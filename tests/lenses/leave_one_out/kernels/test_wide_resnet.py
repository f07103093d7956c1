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


@pytest.mark.parametrize(("height", "width"), [(5, 4), (8, 3), (1, 9)])
def test_wide_resnet(height: int, width: int) -> None:
    kernel = KERNELS.get("wide_resnet")(w_std=1.1, b_std=0.1)

    def expected(pair: plain.Pair) -> float:
        return 1.1**2 * plain.pooled(plain.wide_resnet(pair, 1.1, 0.1)) + 0.1**2

    assert_matches(kernel, images(1, height, width, 0), images(1, height, width, 1), expected)
