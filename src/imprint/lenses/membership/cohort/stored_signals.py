"""Signals of many models that are read from disk one model at a time, never whole.

What attacks take of a cohort are sums over its models, a vector over records each; quantities that
need all models at once, such as quantiles, are computed for a block of records after the other. So
memory is O(A·N) and one block, not O(K·A·N), and the bytes are those of arrays in memory: whatever
is added over models is added in their order, and records do not meet before the vectors are whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray

BLOCK_VALUES = 1 << 23
"""Signals of a block of records, of all models and views: 64 MiB as float64."""

Number = TypeVar("Number", bound=np.generic)


@dataclass(frozen=True, eq=False)
class StoredSignals:
    """Signals ``[K, A, N]`` of one kind, read when they are needed.

    Attributes:
        shape: (K, A, N).
        read: of the number of a model, its signals, float64 ``[A, N]``.
        read_part: of a number and a block of records, these signals, where they can be read alone.
    """

    shape: tuple[int, int, int]
    read: Callable[[int], FloatArray]
    read_part: Callable[[int, slice], FloatArray] | None = None

    def __len__(self) -> int:
        return self.shape[0]

    @overload
    def __getitem__(self, models: int) -> FloatArray: ...
    @overload
    def __getitem__(self, models: IntArray | list[int]) -> StoredSignals: ...
    def __getitem__(self, models: int | IntArray | list[int]) -> FloatArray | StoredSignals:
        """Return the signals of one model, ``[A, N]``, or some of the models."""
        if isinstance(models, (int, np.integer)):
            return self.read(range(len(self))[models])
        rows = [range(len(self))[row] for row in models]
        shape = (len(rows), *self.shape[1:])
        return StoredSignals(
            shape,
            lambda row: self.read(rows[row]),
            lambda row, records: self.part(rows[row], records),
        )

    def part(self, model: int, records: slice) -> FloatArray:
        """Return the signals of one model on a block of records, float64 ``[A, n]``."""
        if self.read_part is not None:
            return self.read_part(model, records)
        return self.read(model)[:, records]

    def views(self, views: slice) -> StoredSignals:
        """Return the signals under some of the views."""
        count = len(range(self.shape[1])[views])
        shape = (self.shape[0], count, self.shape[2])
        return StoredSignals(shape, lambda row: self.read(row)[views])

    def records(self, rows: IntArray) -> StoredSignals:
        """Return the signals of some of the records, int64 ``[n]``."""
        shape = (*self.shape[:2], len(rows))
        return StoredSignals(shape, lambda row: self.read(row)[:, rows])

    def map(self, change: Callable[[FloatArray], FloatArray]) -> StoredSignals:
        """Return a function of every value."""
        return replace(
            self,
            read=lambda row: change(self.read(row)),
            read_part=lambda row, records: change(self.part(row, records)),
        )


SignalArray = FloatArray | StoredSignals
"""Signals of K models, ``[K, A, N]``: in memory, or read model by model."""


def some_views(signals: SignalArray, views: slice) -> SignalArray:
    """Return the signals of all models under some of the views."""
    return signals.views(views) if isinstance(signals, StoredSignals) else signals[:, views]


def some_records(signals: SignalArray, rows: IntArray) -> SignalArray:
    """Return the signals of all models on some of the records, int64 ``[n]``."""
    return signals.records(rows) if isinstance(signals, StoredSignals) else signals[:, :, rows]


def each_model(signals: SignalArray) -> Iterator[FloatArray]:
    """Yield the signals of one model after the other, float64 ``[A, N]``."""
    return (signals[row] for row in range(len(signals)))


def preceded_by(first: FloatArray, signals: SignalArray) -> SignalArray:
    """Return the signals with those of one more model, ``[A, N]``, before them."""
    if not isinstance(signals, StoredSignals):
        return np.concatenate([first[None], signals])
    shape = (len(signals) + 1, *signals.shape[1:])
    return StoredSignals(
        shape,
        lambda row: signals.read(row - 1) if row else first,
        lambda row, records: signals.part(row - 1, records) if row else first[:, records],
    )


def whole(signals: SignalArray) -> FloatArray:
    """Return all signals in memory, float64 ``[K, A, N]``."""
    return np.stack(list(each_model(signals))) if isinstance(signals, StoredSignals) else signals


def plain_blocks(
    signals: SignalArray, block_values: int | None = None
) -> Iterator[tuple[slice, FloatArray]]:
    """Yield the plain signals, view 0, of all models for one block of records after the other.

    Args:
        signals: of K models.
        block_values: values of a block at most, at least one record; ``BLOCK_VALUES`` when None.

    Yields:
        the records, and float64 ``[K, n]``.
    """
    models, _, records = signals.shape
    size = max(1, (block_values or BLOCK_VALUES) // models)
    for start in range(0, records, size):
        part = slice(start, min(start + size, records))
        block = np.empty((models, part.stop - start))
        for row in range(models):
            block[row] = part_of(signals, row, part)[0]
        yield part, block


def part_of(signals: SignalArray, model: int, records: slice) -> FloatArray:
    """Return the signals of one model on a block of records, float64 ``[A, n]``."""
    if isinstance(signals, StoredSignals):
        return signals.part(model, records)
    return np.asarray(signals[model][:, records])


def pick_models(
    each: Iterator[NDArray[Number]], models: IntArray, shape: tuple[int, ...]
) -> NDArray[Number]:
    """Return of every record the values of a model of its own.

    Args:
        each: the values of one model after the other, ``[..., N]``.
        models: int64 ``[N]``, which model.
        shape: of the values of one model.

    Returns:
        ``[..., N]``.
    """
    picked: NDArray[Number] | None = None
    for row, values in enumerate(each):
        if picked is None:
            picked = np.empty(shape, dtype=values.dtype)
        chosen = models == row
        if chosen.any():
            picked[..., chosen] = values[..., chosen]
    assert picked is not None
    return picked
