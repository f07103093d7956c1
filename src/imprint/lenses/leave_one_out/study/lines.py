"""Lines through removed records, along which retrained networks are queried."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.lenses.leave_one_out.retraining_options import RetrainingOptions
from imprint.lenses.leave_one_out.search.landscape import (
    line_queries,
    neighbour_directions,
    random_directions,
    symmetric_steps,
)
from imprint.nets.fully_connected import in_own_span


@dataclass(frozen=True, eq=False)
class RecordLines:
    """l lines through each of r records, t steps along each.

    Attributes:
        kinds: what each line is, ``l`` names.
        directions: of root mean square 1, float64 ``[r, l, d]``.
        steps: float64 ``[t]``, 0 among them.
    """

    kinds: tuple[str, ...]
    directions: Tensor
    steps: Tensor


def choose_lines(
    fitted: Tensor,
    kernel_matrix: Tensor,
    removed: Tensor,
    index: IntArray,
    options: RetrainingOptions,
) -> RecordLines:
    """Return random lines and one to the neighbour for each record.

    Args:
        fitted: the records, float64 ``[n, d]``.
        kernel_matrix: of them, float64 ``[n, n]``.
        removed: rows left out, int64 ``[r]``.
        index: of the removed records, int64 ``[r]``: each has random lines of its own.
        options: how many, and how far.
    """
    names = [int(name) for name in index]
    random = random_directions(fitted.shape[1:], names, options.lines, options.seed)
    neighbour = neighbour_directions(fitted, kernel_matrix, removed)
    kinds = ("random",) * options.lines + ("neighbour",)
    steps = symmetric_steps(options.half_length, options.steps_per_side)
    return RecordLines(kinds, torch.cat([random, neighbour], 1), steps)


def coordinates(inputs: Tensor, lines: RecordLines) -> tuple[Tensor, Tensor]:
    """Return inputs, and the points of the lines, in one orthonormal basis of their span.

    The points lie in the span of records and directions, so the basis need not know them.

    Args:
        inputs: ``[N, d]``; the first r of them are those that lines run through.
        lines: through r records.

    Returns:
        ``[N, d']`` and ``[r, l · t, d']``.
    """
    records, count = lines.directions.shape[:2]
    own = in_own_span(torch.cat([inputs, lines.directions.flatten(0, 1)]))
    directions = own[len(inputs) :].view(records, count, -1)
    points = line_queries(own[:records], directions, lines.steps)
    return own[: len(inputs)].contiguous(), points.flatten(1, 2)
