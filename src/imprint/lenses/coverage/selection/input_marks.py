"""The marks of every input: what each of them would cover, as lists of numbers.

A criterion that counts marks is a weighted set cover. With the marks of every input in lists, and
the inputs of every mark, greedy selection is exact at the cost of one visit of each entry.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import Criterion
from imprint.lenses.coverage.measure.tally import NO_MARK
from imprint.neurons.activations import ActivationTable

MAX_ENTRIES = 500_000_000
"""Marks of all inputs together: 4 bytes each in lists of inputs, and 4 in lists of marks."""
BATCH = 1024


@dataclass(frozen=True, eq=False)
class InputMarks:
    """The different marks of each input.

    Attributes:
        starts: int64 ``[M + 1]``, where the marks of each input begin in ``marks``.
        marks: int32 ``[entries]``, numbered from 0.
        count: how many different ones there are.
        unit: by how much one raises the value of the criterion.
    """

    starts: IntArray
    marks: np.ndarray[tuple[int], np.dtype[np.int32]]
    count: int
    unit: float

    def __len__(self) -> int:
        return len(self.starts) - 1

    def sizes(self) -> IntArray:
        """Return how many marks each input has, int64 ``[M]``."""
        return np.diff(self.starts)


def has_marks(criterion: Criterion) -> bool:
    """Return whether the value of a criterion is a number of different marks of its inputs."""
    return type(criterion).marks is not Criterion.marks


def collect_marks(criterion: Criterion, table: ActivationTable) -> InputMarks:
    """Return the marks of every input of a table.

    Args:
        criterion: fitted; one that :func:`has_marks`.
        table: of M inputs.

    Raises:
        ImprintError: the marks are too many for memory.
    """
    rows, total = [], 0
    sizes = [np.zeros(1, dtype=np.int64)]
    for batch in table.batches(BATCH):
        batch.require_finite()
        marks = criterion.marks(batch).cpu().numpy()
        marked = marks != NO_MARK
        sizes.append(marked.sum(1, dtype=np.int64))
        total += int(sizes[-1].sum())
        if total > MAX_ENTRIES:
            raise ImprintError(
                f"{criterion.name}: the marks of {len(table):,} tests do not fit into memory: "
                "choose among fewer tests, or observe fewer layers"
            )
        rows.append(_compact(marks[marked], criterion.mark_count()))
    joined = np.concatenate(rows) if rows else np.zeros(0, dtype=np.int64)
    different, numbers = np.unique(joined, return_inverse=True)
    return InputMarks(
        np.cumsum(np.concatenate(sizes)), numbers.astype(np.int32), len(different), criterion.unit
    )


def _compact(marks: IntArray, count: int | None) -> IntArray:
    """Return marks in half the space where their numbers allow it."""
    return marks if count is None or count > 2**31 else marks.astype(np.int32)
