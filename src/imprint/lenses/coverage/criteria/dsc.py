"""Distance-based surprise coverage (Kim, Feldt, Yoo, ICSE 2019).

The surprise of a trace x of class c is d_a/d_b: d_a is its distance to the nearest training trace
x_a of class c; d_b, by ``reference``, the distance to the nearest training trace of another class
from x itself (``x``, as NeuraL-Coverage has it) or from x_a (``x_a``, as first published). Where
d_b = 0 the surprise is 1e-6, as in the published code.

Neighbours are exact (:mod:`imprint.neighbors.nearest`). Cost: training inputs times A
multiply-adds an input, more than the network itself where it is small; memory N·A numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import criterion
from imprint.lenses.coverage.criterion.surprise import FloatArray, Surprise, SurpriseOptions, Width
from imprint.neighbors.nearest import nearest

WITHOUT_DISTANCE = 1e-6


@dataclass(frozen=True)
class DistanceSurpriseOptions(SurpriseOptions):
    """Settings of distance-based surprise."""

    width: Width = 0.1
    """Width of a bucket."""

    reference: Literal["x", "x_a"] = "x"
    """Where the distance to other classes starts: the input, or its nearest training trace."""


@criterion("dsc", "degrees of surprise by distance")
class DistanceSurpriseCoverage(Surprise):
    """Distinct ratios of the distances to the own class and to the others."""

    Options = DistanceSurpriseOptions
    options: DistanceSurpriseOptions

    def learn(self, traces: list[FloatArray], classes: IntArray) -> dict[str, Tensor]:
        """Keep all traces, class after class.

        Neighbours are searched in float32. Distances do not depend on the origin: that of traces
        in float64 is moved to their mean, so that a large one costs no digits.
        """
        if len(classes) < 2:
            raise ImprintError("dsc compares a class with the others: training data has only one")
        every = np.concatenate(traces)
        centre = np.zeros(every.shape[1], dtype=every.dtype)
        if every.dtype == np.float64:
            centre = every.mean(axis=0)
        return {
            "centre": torch.from_numpy(centre),
            "traces": torch.from_numpy((every - centre).astype(np.float32)),
            "counts": torch.tensor([len(rows) for rows in traces]),
        }

    def degrees(self, traces: FloatArray, classes: IntArray) -> NDArray[np.float64]:
        """Return the ratio of distances of each trace."""
        blocks = np.split(
            self.learned_array("traces"), np.cumsum(self.learned_array("counts"))[:-1]
        )
        traces = (traces - self.learned_array("centre")).astype(np.float32)
        each = np.arange(len(traces))
        own: NDArray[np.float64]
        if self.options.reference == "x":
            distances = np.stack([_distances(traces, block)[0] for block in blocks], axis=1)
            own = distances[each, classes]
        else:
            own = np.empty(len(traces))
            starts = np.empty_like(traces)
            for place in np.unique(classes):
                mine = classes == place
                own[mine], rows = _distances(traces[mine], blocks[place])
                starts[mine] = blocks[place][rows]
            distances = np.stack([_distances(starts, block)[0] for block in blocks], axis=1)
        distances[each, classes] = np.inf
        others = distances.min(1)
        ratio = own / np.where(others > 0, others, 1)
        return np.where(others > 0, ratio, WITHOUT_DISTANCE)


def _distances(traces: FloatArray, block: FloatArray) -> tuple[NDArray[np.float64], IntArray]:
    """Return the distance to the nearest row of a block, and which row that is."""
    neighbours = nearest(traces, block, 1, device="cpu", backend="torch")
    return neighbours.distances[:, 0].astype(np.float64), neighbours.indices[:, 0]
