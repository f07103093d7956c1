import numpy as np
import torch
from torch import Tensor

from imprint.lenses.leave_one_out.kernels.kernel import KERNELS


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
