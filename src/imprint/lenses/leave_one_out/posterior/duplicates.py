"""Duplicated records, and leaving out all copies of a record together.

The leave-one-out values of a record with a copy in the rest of the data say little about it. Three
kinds are reported apart: exact copies have the same bytes and are left out together; near copies
lie within ``NEAR_COPY_DISTANCE`` of one another in the space of the kernel; records are collinear
when their kernel correlation is 1 to twelve digits, which under a homogeneous kernel is also true
of multiples of one another. The last two are left out alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.distinguishability import Directions
from imprint.lenses.leave_one_out.posterior.groups import group_self_influence
from imprint.lenses.leave_one_out.posterior.posterior import Posterior
from imprint.lenses.leave_one_out.posterior.self_influence import (
    SelfInfluence,
    self_influence,
    towards_class,
)

MAX_CORRELATION_GAP = 1e-12
NEAR_COPY_DISTANCE = 0.01
"""Distance of near copies in the space of the kernel, in lengths of the longer one."""
_ROWS = 1024


def exact_copies(inputs: NDArray[np.generic]) -> Tensor:
    """Return for each record the first one with the same bytes, int64 ``[n]``.

    >>> exact_copies(np.array([[1, 2], [3, 4], [1, 2]])).tolist()
    [0, 1, 0]

    Args:
        inputs: ``[n, ...]``, of any one dtype.
    """
    first: dict[bytes, int] = {}
    rows = [first.setdefault(_digest(record), row) for row, record in enumerate(inputs)]
    return torch.tensor(rows, dtype=torch.int64)


def collinear_records(kernel_matrix: Tensor, gap: float = MAX_CORRELATION_GAP) -> Tensor:
    """Return for each record the first one it is collinear with, through others too, ``[n]``.

    Args:
        kernel_matrix: K, float64 ``[n, n]``.
        gap: how far below 1 a correlation may be.

    Returns:
        int64 ``[n]``, on the CPU; a record's own row where it stands alone.
    """
    deviation = kernel_matrix.diagonal().sqrt()

    def near(rows: slice) -> Tensor:
        bound = (1 - gap) * deviation[rows, None] * deviation
        return (kernel_matrix[rows] > bound) & (bound > 0)

    return _connected(len(kernel_matrix), near)


def near_copies(kernel_matrix: Tensor, distance: float = NEAR_COPY_DISTANCE) -> Tensor:
    """Return for each record the first one it is a near copy of, through others too, ``[n]``.

    Records s and t are near copies when k(s, s) + k(t, t) − 2 k(s, t) is at most ``distance``²
    times the larger of the first two.

    Args:
        kernel_matrix: K, float64 ``[n, n]``.
        distance: above the root of rounding, 1e-7.

    Returns:
        int64 ``[n]``, on the CPU; a record's own row where it stands alone.
    """
    own = kernel_matrix.diagonal()

    def near(rows: slice) -> Tensor:
        squares = own[rows, None] + own - 2 * kernel_matrix[rows]
        return squares <= distance**2 * torch.maximum(own[rows, None], own)

    return _connected(len(kernel_matrix), near)


def _connected(count: int, near: Callable[[slice], Tensor]) -> Tensor:
    """Return the first record that each is connected with, int64 ``[n]``."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = []
    for start in range(0, count, _ROWS):
        edges = torch.nonzero(near(slice(start, start + _ROWS)))
        pairs.append((edges + edges.new_tensor([start, 0])).cpu())
    left, right = torch.cat(pairs).numpy().T
    matrix = coo_matrix((np.ones(len(left), dtype=bool), (left, right)), shape=(count, count))
    component = connected_components(matrix, directed=False)[1]
    _, first = np.unique(component, return_index=True)
    return torch.from_numpy(first[component].astype(np.int64))


def copies_of(first: Tensor) -> dict[int, Tensor]:
    """Return the groups of more than one record, by their first row.

    Args:
        first: int64 ``[n]``, from :func:`exact_copies` or :func:`collinear_records`.
    """
    order = torch.argsort(first, stable=True)
    names, counts = torch.unique_consecutive(first[order], return_counts=True)
    groups = torch.split(order, counts.tolist())
    return {int(name): group for name, group in zip(names, groups, strict=True) if len(group) > 1}


def self_influence_with_copies(posterior: Posterior, first: Tensor) -> Directions:
    """Return what removing each record and all of its copies does to its own prediction.

    Args:
        posterior: the fit of all records, copies included.
        first: int64 ``[n]``, from :func:`exact_copies` or :func:`collinear_records`.

    Returns:
        directions ``[n, k]``, k the size of the largest group; those that a record lacks are 0.

    Raises:
        ImprintError: ``first`` does not fit the records.
    """
    if first.shape != (posterior.records,):
        raise ImprintError(
            f"{len(first)} rows of copies do not fit {posterior.records} records: "
            "look for copies among the records of the fit"
        )
    groups = copies_of(first)
    alone = self_influence(posterior).directions
    most = max((len(group) for group in groups.values()), default=1)
    spread = torch.nn.functional.pad(alone.spread, (0, most - 1))
    surprise = torch.nn.functional.pad(alone.surprise, (0, most - 1))
    for group in groups.values():
        rows = group.to(spread.device)
        together = group_self_influence(posterior, rows)
        spread[rows, : len(group)] = together.spread
        surprise[rows, : len(group)] = together.surprise
    return Directions(spread, surprise, posterior.outputs)


def copies_from_diagonal(
    alone: SelfInfluence, weights: Tensor, variances: Tensor, noise: float, first: Tensor
) -> Directions:
    """Return the same of exact copies, from leverage and α alone; one direction a record.

    k copies with leverage h each share one value f. All of them together have the weight of one
    record with noise σ²/k, so that without them

        z = kh / (1 − kh),   a = σ² |Σ α|² / (k (1 − kh)).

    Args:
        alone: self values of the n records.
        weights: α, float64 ``[n, c]``.
        variances: k(s, s), ``[n]``; what they bound, a leverage with an error does not exceed.
        noise: σ².
        first: int64 ``[n]``, from :func:`exact_copies`.
    """
    spread, surprise = alone.directions.spread.clone(), alone.directions.surprise.clone()
    for group in copies_of(first).values():
        rows, count = group.to(spread.device), len(group)
        most = variances[rows[0]] / (variances[rows[0]] + noise / count)
        share = torch.minimum(count * alone.leverage[rows].mean(), most)
        spread[rows] = share / (1 - share)
        surprise[rows] = noise * weights[rows].sum(0).square().sum() / (count * (1 - share))
    return Directions(spread, surprise, alone.directions.outputs)


def influence_with_copies(
    alone: SelfInfluence, together: Directions, targets: Tensor, noise: float, first: Tensor
) -> SelfInfluence:
    """Return what leaving out each record with all of its exact copies does.

    From z of all copies, k of them, and their α: without them

        v = σ²z/k,   μ_in − μ_out = v Σ α,   y − μ_out = σ²α + v Σ α,   h = z/(1 + z).

    Args:
        alone: what leaving out each record alone does.
        together: from :func:`self_influence_with_copies` or :func:`copies_from_diagonal`.
        targets: Y, float64 ``[n, c]``.
        noise: σ².
        first: int64 ``[n]``, from :func:`exact_copies`.
    """
    # Copies have one value f: along all other directions they cannot differ.
    strongest = together.spread.argmax(-1, keepdim=True)
    spread = together.spread.gather(-1, strongest)
    surprise = together.surprise.gather(-1, strongest)
    first = first.to(spread.device)
    count = torch.bincount(first, minlength=len(first))[first]
    weights = alone.residual / (alone.variance_out + noise)[:, None]
    total = torch.zeros_like(weights).index_add_(0, first, weights)[first]
    variance = noise * spread[:, 0] / count
    shift = variance[:, None] * total
    several = count > 1
    shift = torch.where(several[:, None], shift, alone.shift)
    residual = torch.where(several[:, None], noise * weights + shift, alone.residual)
    leverage = torch.where(several, spread[:, 0] / (1 + spread[:, 0]), alone.leverage)
    return SelfInfluence(
        leverage,
        torch.where(several, variance, alone.variance_out),
        residual,
        shift,
        towards_class(shift, targets),
        Directions(spread, surprise, together.outputs),
    )


def _digest(record: NDArray[np.generic]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(record).tobytes(), digest_size=16).digest()
