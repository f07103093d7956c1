"""Covariances of pixels row by row of displacements: all columns with all, rows a fixed step apart.

An array is ``[b, h, W, r, W, c]``: row and column of a pixel of r images, column of a pixel of c
images, ``down`` rows further down. No value is wasted; the last two axes, W·c numbers, are
contiguous for whatever is of one or of the other image; and a convolution shifts whole blocks. In
place of (2H − 1)(2W − 1) displacements there are 2H − 1 steps, so that small images do not pay for
calls.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.kernels.covariances import Axes, Covariances

ROWS: Axes = ((1,), (2, 4))


def row_values(values: Tensor, first: bool) -> Tensor:
    """Return values of pixels as an operand of pairs.

    Args:
        values: images ``[b, n, C, H, W]`` or variances ``[b, n, H, W]``.
        first: of the first or of the second images of pairs.

    Returns:
        Of images, factors of a matrix product over channels, ``[b, H, W·n, C]`` or
        ``[b, H, C, W·n]``; of variances, ``[b, H, W, n, 1, 1]`` or ``[b, H, 1, 1, W, n]``.
    """
    if values.ndim == 4:
        moved = values.permute(0, 2, 3, 1)
        moved = moved[:, :, :, :, None, None] if first else moved[:, :, None, None]
        return moved.contiguous()
    moved = values.permute(0, 3, 4, 1, 2).flatten(2, 3)
    return moved.contiguous() if first else moved.mT.contiguous()


@dataclass(frozen=True)
class RowsOfPixels:
    """Rows of images that have a row ``down`` below in the other image.

    Attributes:
        height: of the images.
        width: of the images.
        down: rows, negative for above.
    """

    height: int
    width: int
    down: int

    def upper(self, values: Tensor) -> Tensor:
        """Return the rows of the first images."""
        return values[:, max(0, -self.down) : self.height - max(0, self.down)]

    def lower(self, values: Tensor) -> Tensor:
        """Return the rows of the second images."""
        return values[:, max(0, self.down) : self.height - max(0, -self.down)]

    def covariances(self, one: Tensor, other: Tensor) -> Covariances:
        """Return inner products over channels of what :func:`row_values` made of images."""
        product = torch.matmul(self.upper(one), self.lower(other))
        first, second = (size // self.width for size in product.shape[2:])
        shape = *product.shape[:2], self.width, first, self.width, second
        return Covariances(product.reshape(shape), ROWS)


def last_rows(state: Covariances) -> Tensor:
    """Return sums over all pixels of k, and of the tangent, ``[1 or 2, b, r, c]``."""
    parts = [state.k] if state.tangent is None else [state.k, state.tangent]
    return torch.stack([part.sum(dim=(1, 2, 4)) for part in parts])
