"""Lines through records left out, along which retrained networks are asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.search.landscape import line_queries, symmetric_steps
from imprint.lenses.leave_one_out.search.landscape_directions import (
    neighbour_directions,
    random_directions,
)
from imprint.lenses.leave_one_out.study.truth.retrain_options import RetrainingOptions
from imprint.nets.fully_connected import in_own_span

FURTHEST = 1_000_000
"""Of lines that networks are asked along, in float32."""


@dataclass(frozen=True, eq=False)
class Lines:
    """l lines through each of r records, t steps along each.

    Attributes:
        kinds: what each line is, ``l`` names.
        directions: of root mean square 1, float64 ``[r, l, d]``.
        steps: float64 ``[t]``, 0 among them.
    """

    kinds: tuple[str, ...]
    directions: Tensor
    steps: Tensor


def check_lines(options: RetrainingOptions) -> None:
    """Check the options of lines.

    Raises:
        ImprintError: one that will not do.
    """
    if options.lines < 0:
        raise ImprintError(f"--lines is {options.lines}: it must not be negative")
    if not 0 < options.reach <= FURTHEST:
        raise ImprintError(f"--reach is {options.reach:g}: it must be above 0, up to {FURTHEST:,}")
    if options.steps < 1:
        raise ImprintError(f"--steps is {options.steps}: it must be at least 1")
    if not options.noise or not all(0 < noise < np.inf for noise in options.noise):
        raise ImprintError("--noise must be variances above 0, such as 0.05")


def chosen_lines(
    fitted: Tensor,
    kernel_matrix: Tensor,
    removed: Tensor,
    index: IntArray,
    options: RetrainingOptions,
) -> Lines:
    """Return random lines and one to the neighbour for each record.

    Args:
        fitted: the records, float64 ``[n, d]``.
        kernel_matrix: of them, float64 ``[n, n]``.
        removed: rows left out, int64 ``[r]``.
        index: of the records left out, int64 ``[r]``: each has random lines of its own.
        options: how many, and how far.
    """
    names = [int(name) for name in index]
    random = random_directions(fitted.shape[1:], names, options.lines, options.seed)
    neighbour = neighbour_directions(fitted, kernel_matrix, removed)
    kinds = ("random",) * options.lines + ("neighbour",)
    steps = symmetric_steps(options.reach, options.steps)
    return Lines(kinds, torch.cat([random, neighbour], 1), steps)


def coordinates(inputs: Tensor, lines: Lines) -> tuple[Tensor, Tensor]:
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
