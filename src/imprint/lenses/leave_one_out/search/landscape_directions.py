"""Directions of lines through records: random, to a neighbour, principal, brightness.

Each has a root mean square of 1 over the numbers of an input: a step moves them by that much, and
lines of one kind compare with those of another.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from imprint.core.seeds import generator


def random_directions(shape: Sequence[int], names: Sequence[int], lines: int, seed: int) -> Tensor:
    """Return directions of uniform noise, ``[m, lines, *shape]``.

    Args:
        shape: of an input.
        names: of the records, such as their rows: each has directions of its own.
        lines: how many a record.
        seed: of the study.
    """
    drawn = [
        generator(seed, "landscape direction", name).uniform(-1, 1, size=(lines, *shape))
        for name in names
    ]
    return unit(torch.from_numpy(np.stack(drawn)))


def neighbour_directions(records: Tensor, kernel_matrix: Tensor, removed: Tensor) -> Tensor:
    """Return directions towards the record of the greatest kernel correlation, ``[m, 1, ...]``.

    A record equal to the removed one gives no direction, and the next one is taken.
    """
    deviation = kernel_matrix.diagonal().sqrt()
    correlation = kernel_matrix[removed] / (deviation[removed, None] * deviation)
    flat = records.flatten(1)
    for row, record in enumerate(removed.tolist()):
        correlation[row, (flat == flat[record]).all(1)] = -torch.inf
    towards = records[correlation.argmax(1)].double() - records[removed].double()
    return unit(towards[:, None])


def eigenvector_directions(records: Tensor, lines: int, removed: Tensor) -> Tensor:
    """Return the first eigenvectors of the covariance of the inputs, ``[m, lines, ...]``.

    Signs are such that the numbers of an eigenvector sum to at least 0.
    """
    flat = records.double().flatten(1)
    centred = flat - flat.mean(0)
    if len(flat) > flat.shape[1]:
        vectors = torch.linalg.eigh(centred.T @ centred)[1][:, -lines:].flip(1).T
    else:
        left = torch.linalg.eigh(centred @ centred.T)[1][:, -lines:].flip(1)
        vectors = left.T @ centred
    vectors = torch.where(vectors.sum(1, keepdim=True) < 0, -vectors, vectors)
    shaped = unit(vectors.view(-1, *records.shape[1:]), 1)
    return shaped.expand(len(removed), *shaped.shape)


def brightness_directions(records: Tensor, black: Tensor, removed: Tensor) -> Tensor:
    """Return the directions that scale the brightness of images, s − black, ``[m, 1, ...]``.

    Args:
        records: all inputs, ``[n, ...]``.
        black: a black image in the units of the inputs, broadcasts against one. Zero for pixels
            that were not shifted: scaling is then the direction of the record itself, along which
            homogeneous kernels see no difference.
        removed: rows, int64 ``[m]``.
    """
    return unit((records[removed].double() - black)[:, None])


def unit(directions: Tensor, leading: int = 2) -> Tensor:
    """Return directions of root mean square 1; those of length 0 stay.

    Args:
        directions: ``[..., *shape]``.
        leading: how many dimensions come before those of an input.
    """
    size = directions.double().flatten(leading).square().mean(-1).sqrt()
    size = size.view(size.shape + (1,) * (directions.ndim - leading))
    return directions.double() / torch.where(size > 0, size, 1.0)
