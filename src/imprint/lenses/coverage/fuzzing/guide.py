"""What guides a search: which mutants are worth mutating further.

Mutants of a round are judged in their order: one is accepted if it adds to what all accepted
before it cover. Where the value of a criterion counts marks, all of a round are judged at once,
since a mutant is the first to set some mark or it adds nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import BoolArray, IntArray
from imprint.lenses.coverage.criterion.criterion import Criterion
from imprint.lenses.coverage.measure.tally import NO_MARK
from imprint.lenses.coverage.selection.input_marks import has_marks
from imprint.neurons.activations import Batch

MAX_NUMBERED = 1 << 29
"""Marks up to which a byte each is kept, whether they are set or not."""


class Guide(ABC):
    """Judges mutants by their activations."""

    @abstractmethod
    def accept(self, batch: Batch) -> BoolArray:
        """Return which inputs add something, bool ``[b]``, and take those into account."""

    @abstractmethod
    def see(self, batch: Batch) -> None:
        """Take inputs into account that are there from the start."""

    @abstractmethod
    def value(self) -> float | None:
        """Return the coverage of all inputs taken into account; None where nothing is measured."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Return the state as tensors, for :meth:`restore`."""

    @abstractmethod
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take up where :meth:`state` left off."""


class AcceptAll(Guide):
    """A control: every mutant is worth mutating further."""

    def accept(self, batch: Batch) -> BoolArray:
        """Return that all are."""
        return np.ones(len(batch), dtype=bool)

    def see(self, batch: Batch) -> None:
        """Do nothing."""

    def value(self) -> None:
        """Return that nothing is measured."""
        return

    def state(self) -> dict[str, Tensor]:
        """Return nothing."""
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Do nothing."""


class AcceptNone(AcceptAll):
    """A control: only seeds are mutated."""

    def accept(self, batch: Batch) -> BoolArray:
        """Return that none is."""
        return np.zeros(len(batch), dtype=bool)


CONTROLS: Mapping[str, type[Guide]] = {"none": AcceptNone, "random": AcceptAll}
"""Guides without a criterion, by the name that takes the place of one."""


class ByGain(Guide):
    """A criterion judges the mutants one after another.

    Args:
        criterion: fitted; it is changed here.
    """

    def __init__(self, criterion: Criterion) -> None:
        self.criterion = criterion

    def accept(self, batch: Batch) -> BoolArray:
        """Return which inputs raise the value, each beside those accepted before it."""
        batch.require_finite()
        accepted = np.zeros(len(batch), dtype=bool)
        rows = np.arange(len(batch))
        if self.criterion.diminishing:
            # Of gains that only fall, none that is 0 can rise again.
            rows = np.flatnonzero(self._adds(batch))
        start, size = 0, 1
        while start < len(rows):
            block = rows[start : start + size]
            adds = np.flatnonzero(self._adds(batch.rows(torch.from_numpy(block))))
            if len(adds):
                first = block[adds[:1]]
                accepted[first] = True
                self.criterion.update(batch.rows(torch.from_numpy(first)))
                start, size = start + int(adds[0]) + 1, 1
            else:
                start, size = start + size, 2 * size
        return accepted

    def _adds(self, batch: Batch) -> BoolArray:
        """Return which inputs would raise the value, each by itself."""
        gains = self.criterion.gain(batch)
        return np.asarray(gains.cpu().numpy() > 0)

    def see(self, batch: Batch) -> None:
        """Let the criterion see inputs."""
        self.criterion.update(batch)

    def value(self) -> float:
        """Return the value of the criterion."""
        return self.criterion.value()

    def state(self) -> dict[str, Tensor]:
        """Return the state of the criterion."""
        return self.criterion.state_dict()

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set the state of the criterion."""
        self.criterion.load_state_dict(state)


class ByMarks(Guide):
    """A criterion whose value counts marks judges all mutants of a batch at once.

    Args:
        criterion: fitted; one that ``has_marks``.
    """

    def __init__(self, criterion: Criterion) -> None:
        self.criterion = criterion
        count = criterion.mark_count()
        self._numbered = count is not None and count <= MAX_NUMBERED
        self._set: BoolArray = np.zeros(count if self._numbered and count else 0, dtype=bool)
        self._seen: set[int] = set()
        self._count = 0

    def accept(self, batch: Batch) -> BoolArray:
        """Return which inputs are the first to set some mark."""
        batch.require_finite()
        marks = self.criterion.marks(batch).cpu().numpy()
        rows, columns = np.nonzero(self._new(marks))
        different, firsts = np.unique(marks[rows, columns], return_index=True)
        self._take(different)
        accepted = np.zeros(len(batch), dtype=bool)
        accepted[rows[firsts]] = True
        return accepted

    def see(self, batch: Batch) -> None:
        """Set the marks of inputs."""
        self.accept(batch)

    def _new(self, marks: IntArray) -> BoolArray:
        if self._numbered:
            return np.asarray(~self._set[np.maximum(marks, 0)] & (marks != NO_MARK))
        new = [mark not in self._seen and mark != NO_MARK for mark in marks.ravel().tolist()]
        return np.array(new, dtype=bool).reshape(marks.shape)

    def _take(self, marks: IntArray) -> None:
        self._count += len(marks)
        if self._numbered:
            self._set[marks] = True
        else:
            self._seen.update(marks.tolist())

    def value(self) -> float:
        """Return the number of marks in units of the criterion."""
        return self._count * self.criterion.unit

    def state(self) -> dict[str, Tensor]:
        """Return the marks that are set."""
        marks = np.flatnonzero(self._set) if self._numbered else np.array(sorted(self._seen))
        return {"marks": torch.from_numpy(marks.astype(np.int64))}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set these marks alone."""
        self._set[:] = False
        self._seen, self._count = set(), 0
        self._take(state["marks"].numpy())


def guide_by(criterion: Criterion) -> Guide:
    """Return the guide of a fitted criterion."""
    return ByMarks(criterion) if has_marks(criterion) else ByGain(criterion.fresh())
