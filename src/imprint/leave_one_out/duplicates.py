"""Records that stand in the data more than once, and what is left to tell when all copies go.

A record with a copy in the rest of the data is hardly missed, so its leave-one-out values say
little of it. Two findings, to be reported apart: exact copies have the same bytes; records are
collinear when their kernel correlation is 1 to twelve digits, which under a homogeneous kernel is
also true of multiples of one another.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.errors import ImprintError
from imprint.leave_one_out.distinguishability import Directions
from imprint.leave_one_out.groups import group_self_influence
from imprint.leave_one_out.posterior import Posterior
from imprint.leave_one_out.self_influence import SelfInfluence, self_influence

CORRELATION_GAP = 1e-12
_ROWS = 1024


def exact_copies(inputs: NDArray[np.generic]) -> Tensor:
    """Return for each record the first one with the same bytes, int64 ``[n]``.

    >>> exact_copies(np.array([[1, 2], [3, 4], [1, 2]])).tolist()
    [0, 1, 0]

    Args:
        inputs: ``[n, ...]``, of any one dtype.
    """
    first: dict[bytes, int] = {}
    found = [first.setdefault(_digest(record), row) for row, record in enumerate(inputs)]
    return torch.tensor(found, dtype=torch.int64)


def collinear_records(kernel_matrix: Tensor, gap: float = CORRELATION_GAP) -> Tensor:
    """Return for each record the first one it is collinear with, through others too, ``[n]``.

    Args:
        kernel_matrix: K, float64 ``[n, n]``.
        gap: how far below 1 a correlation may be.

    Returns:
        int64 ``[n]``, on the CPU; a record's own row where it stands alone.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    deviation = kernel_matrix.diagonal().sqrt()
    pairs = []
    for start in range(0, len(kernel_matrix), _ROWS):
        rows = slice(start, start + _ROWS)
        bound = (1 - gap) * deviation[rows, None] * deviation
        near = torch.nonzero((kernel_matrix[rows] > bound) & (bound > 0))
        pairs.append((near + near.new_tensor([start, 0])).cpu())
    left, right = torch.cat(pairs).numpy().T
    count = len(kernel_matrix)
    edges = coo_matrix((np.ones(len(left), dtype=bool), (left, right)), shape=(count, count))
    component = connected_components(edges, directed=False)[1]
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
    found: SelfInfluence, weights: Tensor, variances: Tensor, noise: float, first: Tensor
) -> Directions:
    """Return the same of exact copies, from leverage and α alone; one direction a record.

    k copies with leverage h each share one value f. All of them together have the weight of one
    record with noise σ²/k, so that without them

        z = kh / (1 − kh),   a = σ² |Σ α|² / (k (1 − kh)).

    Args:
        found: self values of the n records.
        weights: α, float64 ``[n, c]``.
        variances: k(s, s), ``[n]``; what they bound, a leverage with an error does not exceed.
        noise: σ².
        first: int64 ``[n]``, from :func:`exact_copies`.
    """
    spread, surprise = found.directions.spread.clone(), found.directions.surprise.clone()
    for group in copies_of(first).values():
        rows, count = group.to(spread.device), len(group)
        most = variances[rows[0]] / (variances[rows[0]] + noise / count)
        share = torch.minimum(count * found.leverage[rows].mean(), most)
        spread[rows] = share / (1 - share)
        surprise[rows] = noise * weights[rows].sum(0).square().sum() / (count * (1 - share))
    return Directions(spread, surprise, found.directions.outputs)


def _digest(record: NDArray[np.generic]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(record).tobytes(), digest_size=16).digest()
