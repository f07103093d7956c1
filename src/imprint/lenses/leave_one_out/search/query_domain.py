"""Where queries may lie: anywhere, on a sphere, in a box; each by coordinates without bounds.

A sphere fixes the length, which homogeneous kernels leave free: f(tx) = t f(x) for ReLU networks
without biases, so that divergences ignore t and the mean distance grows with t². A box keeps
images valid: x = middle + half · sin(u) reaches its faces, where a logistic curve would not
(James, Roos, "Minuit", 1975). A box of pixels is a box of normalised pixels, channel by channel.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.seeds import generator

# Starts are moved so far inside the faces of a box, in half sides: on a face the slope of sin is 0.
_INSIDE = 1e-3


class Domain(ABC):
    """Coordinates of a set of queries, all differentiable."""

    @abstractmethod
    def coordinates(self, queries: Tensor) -> Tensor:
        """Return the coordinates of queries ``[..., *shape]``, in the same shape."""

    @abstractmethod
    def queries(self, coordinates: Tensor) -> Tensor:
        """Return the queries at coordinates ``[b, q, *shape]``."""


@dataclass(frozen=True)
class Anywhere(Domain):
    """No bounds: coordinates are the queries."""

    def coordinates(self, queries: Tensor) -> Tensor:
        """Return the queries."""
        return queries

    def queries(self, coordinates: Tensor) -> Tensor:
        """Return the coordinates."""
        return coordinates


@dataclass(frozen=True)
class Sphere(Domain):
    """Queries of one Euclidean length."""

    length: float

    def __post_init__(self) -> None:
        if not 0 < self.length < float("inf"):
            raise ImprintError(f"queries cannot have the length {self.length:g}: give one above 0")

    def coordinates(self, queries: Tensor) -> Tensor:
        """Return the queries."""
        return queries

    def queries(self, coordinates: Tensor) -> Tensor:
        """Return the coordinates at the length."""
        norm: Tensor = torch.linalg.vector_norm(coordinates.flatten(2), dim=2)
        scale = self.length / norm
        return coordinates * scale.view(scale.shape + (1,) * (coordinates.ndim - 2))


@dataclass(frozen=True, eq=False)
class Box(Domain):
    """Queries between two bounds, which broadcast against a query.

    >>> pixels = Box(torch.zeros(1), torch.ones(1))
    >>> pixels.queries(torch.tensor([-torch.pi / 2, 0, torch.pi / 2])).tolist()
    [0.0, 0.5, 1.0]
    """

    lower: Tensor
    upper: Tensor

    def __post_init__(self) -> None:
        if not bool((self.lower < self.upper).all()):
            raise ImprintError("the lower bound of a box of queries must lie below the upper one")

    @property
    def _middle_and_half(self) -> tuple[Tensor, Tensor]:
        return (self.upper + self.lower) / 2, (self.upper - self.lower) / 2

    def coordinates(self, queries: Tensor) -> Tensor:
        """Return angles, of the nearest points well inside where queries are not."""
        middle, half = self._middle_and_half
        return ((queries - middle) / half).clamp(_INSIDE - 1, 1 - _INSIDE).arcsin()

    def queries(self, coordinates: Tensor) -> Tensor:
        """Return the queries at angles."""
        middle, half = self._middle_and_half
        return middle + half * coordinates.sin()


Starts = Callable[[int], Tensor]
"""From the number of an attempt, 0 first, to queries ``[b, q, ...]``."""


def noise_starts(
    lower: Tensor, upper: Tensor, names: Sequence[int], queries: int = 1, seed: int = 0
) -> Starts:
    """Return uniform noise between two bounds, as broad as pixels are.

    Args:
        lower: of a query, float64 ``[...]`` in its full shape.
        upper: likewise.
        names: what each search is for, such as the row of its record: equal names, equal noise.
        queries: q, how many a search places together.
        seed: of the study.
    """

    def start(attempt: int) -> Tensor:
        size = (queries, *lower.shape)
        drawn = [generator(seed, "query start", name, attempt).uniform(size=size) for name in names]
        share = torch.from_numpy(np.stack(drawn)).to(lower)
        return lower + share * (upper - lower)

    return start


def record_starts(
    records: Tensor, allowed: Sequence[Tensor], names: Sequence[int], queries: int, seed: int = 0
) -> Starts:
    """Return other records, drawn without replacement within a search.

    Args:
        records: all inputs, ``[n, ...]``.
        allowed: for each search the rows to draw from, int64; leave the removed records out.
        names: as of :func:`noise_starts`.
        queries: q.
        seed: of the study.

    Raises:
        ImprintError: fewer rows than queries.
    """
    if min(map(len, allowed), default=queries) < queries:
        raise ImprintError(
            f"{queries} queries cannot start from fewer records: allow more, or start from noise"
        )

    def start(attempt: int) -> Tensor:
        drawn = [
            rows[generator(seed, "query start", name, attempt).permutation(len(rows))[:queries]]
            for rows, name in zip(allowed, names, strict=True)
        ]
        return records[torch.stack(drawn)].double()

    return start
