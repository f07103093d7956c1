"""Records: inputs that are read by row, what the model should say of each, and their names.

Images are uint8 ``[n, C, H, W]`` (or float, prepared by the user), rows of a table and embeddings
float ``[n, d]``, token ids int ``[n, t]``. Inputs may be larger than memory: only rows that are
asked for are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.data.view import View
from imprint.study.hashing import hash_arrays, hash_json

Task = Literal["classification", "multi_label", "regression"]


@runtime_checkable
class Rows(Protocol):
    """Inputs of records, read by row."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the numbers that are read."""
        ...

    def __len__(self) -> int:
        """Number of inputs."""
        ...

    def read(self, rows: IntArray) -> NDArray[Any]:
        """Return some inputs ``[b, …]``, rows int64 ``[b]``."""
        ...

    def fingerprint(self) -> str:
        """Return a hash of all inputs."""
        ...


@dataclass(frozen=True, eq=False)
class ArrayRows:
    """Inputs in one array ``[n, …]``, in memory or a memory map."""

    values: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return tuple(self.values.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the numbers."""
        return self.values.dtype

    def __len__(self) -> int:
        return len(self.values)

    def read(self, rows: IntArray) -> NDArray[Any]:
        """Return some inputs ``[b, …]``."""
        return np.asarray(self.values[rows])

    def fingerprint(self) -> str:
        """Return the hash of the array."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        return hash_arrays(self.values)


@dataclass(frozen=True, eq=False)
class ImageRows:
    """Inputs that are squares of images, uint8 ``[n, C, size, size]``."""

    view: View
    size: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return (self.view.images.channels, self.size, self.size)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Always uint8."""
        return np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.view)

    def read(self, rows: IntArray) -> NDArray[Any]:
        """Return some squares, uint8 ``[b, C, size, size]``."""
        return self.view.images.read(self.view.index[rows], self.view.squares[rows], self.size)

    def fingerprint(self) -> str:
        """Return the hash of images, index, squares and size."""
        arrays = hash_arrays(self.view.index, self.view.squares)
        return hash_json([self.view.images.fingerprint(), arrays, self.size])


@dataclass(frozen=True, eq=False)
class SelectedRows:
    """Some rows of other inputs, in a given order."""

    inner: Rows
    index: IntArray

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return self.inner.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the numbers."""
        return self.inner.dtype

    def __len__(self) -> int:
        return len(self.index)

    def read(self, rows: IntArray) -> NDArray[Any]:
        """Return some inputs ``[b, …]``."""
        return self.inner.read(self.index[rows])

    def fingerprint(self) -> str:
        """Return the hash of the other inputs and of which rows these are."""
        return hash_json([self.inner.fingerprint(), hash_arrays(self.index)])


@dataclass(frozen=True, eq=False)
class Records:
    """Records of one set: members, non-members or tests.

    As a field of a step they stand on the card by their content.

    Attributes:
        inputs: what the model is given.
        targets: what it should say: int64 ``[n]`` of classification, 0 or 1 ``[n, labels]`` of
            multi-label, float64 ``[n]`` or ``[n, d]`` of regression; None where unknown, for models
            that return losses.
        task: what the model does.
        classes: names of classes or labels; empty for regression.
        name: what the set is called.
        names: one a record; empty for its row.
        images: the view that the inputs are squares of; None where they are no images.
        groups: the group of each record, names ``[n]``; None for none.
    """

    inputs: Rows
    targets: NDArray[Any] | None
    task: Task = "classification"
    classes: tuple[str, ...] = ()
    name: str = "records"
    names: Sequence[str] = ()
    images: View | None = None
    groups: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        count = len(self.inputs)
        for what, column in (("targets", self.targets), ("groups", self.groups)):
            if column is not None and len(column) != count:
                raise ImprintError(
                    f"{self.name}: {count} records need as many {what}, got {len(column)}"
                )

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def labels(self) -> IntArray | None:
        """The class of each record, int64 ``[n]``; None where the task has no classes."""
        return self.targets if self.task == "classification" else None

    def name_of(self, row: int) -> str:
        """Return what one record is called in messages."""
        if len(self.names):
            return str(self.names[row])
        if self.images is not None:
            return self.images.images.name_of(int(self.images.index[row]))
        return f"{self.name}[{row}]"

    def take(self, rows: IntArray) -> Records:
        """Return some of the records, rows int64 ``[m]``."""
        return replace(
            self,
            inputs=SelectedRows(self.inputs, rows),
            targets=None if self.targets is None else self.targets[rows],
            names=[self.names[row] for row in rows.tolist()] if len(self.names) else (),
            images=None if self.images is None else self.images.rows(rows),
            groups=None if self.groups is None else self.groups[rows],
        )

    def batches(self, size: int, what: str) -> Iterator[tuple[slice, NDArray[Any]]]:
        """Yield slices of rows and their inputs, in order, with progress.

        Args:
            size: records a batch.
            what: a few words for the progress bar.
        """
        starts = range(0, len(self), size)
        for start in track(starts, what, len(starts), "batch"):
            stop = min(start + size, len(self))
            yield slice(start, stop), self.inputs.read(np.arange(start, stop))

    def fingerprint(self) -> str:
        """Return a hash of inputs, targets, classes and task."""
        targets = None if self.targets is None else hash_arrays(self.targets)
        return hash_json([self.inputs.fingerprint(), targets, list(self.classes), self.task])
