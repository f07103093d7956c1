"""Gaps: parts of a neuron's training range that no test input reaches.

The range of each neuron over training inputs is cut into equal sections. Neighbouring sections
that training inputs reach and test inputs do not make one gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SECTIONS = 10


@dataclass(frozen=True, eq=False)
class Gap:
    """A range of one neuron.

    Attributes:
        neuron: which of the observed neurons.
        low: lower end.
        high: upper end.
        rows: int64, training inputs in it, the farthest from what test inputs do first.
    """

    neuron: int
    low: float
    high: float
    rows: NDArray[np.int64]


def find_gaps(
    train: NDArray[np.float32], test: NDArray[np.float32], sections: int = SECTIONS
) -> list[Gap]:
    """Return the gaps of some neurons, those that most training inputs are in first.

    >>> train = np.float32([[0.0], [0.1], [0.5], [0.9], [1.0]])
    >>> [(gap.low, gap.high, gap.rows.tolist()) for gap in find_gaps(train, train[:2], 2)]
    [(0.5, 1.0, [4, 3, 2])]
    >>> find_gaps(train, train)
    []

    Args:
        train: float32 ``[n, m]``.
        test: float32 ``[k, m]``, at least one input.
        sections: of each range. A border belongs to the section above it, the end to the last.
    """
    gaps = []
    for neuron, (seen, tested) in enumerate(zip(train.T, test.T, strict=True)):
        low, high = float(seen.min()), float(seen.max())
        if low == high:
            continue
        place = _sections(seen, low, high, sections)
        inside = tested[(tested >= low) & (tested <= high)]
        reached = np.zeros(sections, dtype=np.bool_)
        reached[_sections(inside, low, high, sections)] = True
        trained = np.bincount(place, minlength=sections) > 0
        for start, end in _runs(trained & ~reached):
            rows = np.flatnonzero((place >= start) & (place < end))
            far = np.abs(seen[rows].astype(np.float64) - float(np.median(tested)))
            edges = low + (high - low) * np.array([start, end]) / sections
            order = np.argsort(-far, kind="stable")
            gaps.append(Gap(neuron, float(edges[0]), float(edges[1]), rows[order]))
    return sorted(gaps, key=lambda gap: -len(gap.rows))


def _sections(
    values: NDArray[np.float32], low: float, high: float, sections: int
) -> NDArray[np.int64]:
    place = np.floor((values.astype(np.float64) - low) / (high - low) * sections)
    return np.minimum(place, sections - 1).astype(np.int64)


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return where each run of true values starts and ends."""
    steps = np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    return list(zip(starts.tolist(), ends.tolist(), strict=True))
