"""The corpus: seeds and accepted mutants, and which of them is mutated next.

An input that was chosen c times has priority max(1 − c/γ, p), so that new ones come first and old
ones never quite die out (Xie et al. 2019, DeepHunter: γ = 5, p = 0.01). Those of a round are drawn
without replacement in proportion to it (Efraimidis and Spirakis 2006), and share its trials by the
room that the bounds leave each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray, IntArray, Pixels
from imprint.core.errors import ImprintError
from imprint.core.seeds import uniforms
from imprint.lenses.coverage.fuzzing.mutation import AMOUNTS

GAMMA = 5.0
LEAST_PRIORITY = 0.01
LEAST_ROOM = 0.05
"""Share of the allowed change that an input without room is given trials for."""
MAX_BYTES = 1 << 30
"""Of the pixels of a corpus."""
NO_MUTATION = -1


@dataclass(frozen=True, eq=False)
class Lineage:
    """How inputs came from seeds: the mutations of each in their order.

    Attributes:
        seeds: int64 ``[n]``, rows of the seeds.
        kinds: int64 ``[n, depth]``, places in the list of mutations; −1 behind the last one.
        amounts: float64 ``[n, depth, 2]``.
        keys: int64 ``[n, depth]``.
    """

    seeds: IntArray
    kinds: IntArray
    amounts: FloatArray
    keys: IntArray

    @classmethod
    def of_seeds(cls, count: int, depth: int) -> Lineage:
        """Return the lineages of seeds, which have no mutations."""
        return cls(
            np.arange(count),
            np.full((count, depth), NO_MUTATION, dtype=np.int64),
            np.zeros((count, depth, AMOUNTS)),
            np.zeros((count, depth), dtype=np.int64),
        )

    def __len__(self) -> int:
        return len(self.seeds)

    def lengths(self) -> IntArray:
        """Return how many mutations each has, int64 ``[n]``."""
        return np.asarray((self.kinds != NO_MUTATION).sum(1))

    def rows(self, rows: IntArray | BoolArray) -> Lineage:
        """Return some of them."""
        return Lineage(self.seeds[rows], self.kinds[rows], self.amounts[rows], self.keys[rows])

    def extended(self, kinds: IntArray, amounts: FloatArray, keys: IntArray) -> Lineage:
        """Return each with one more mutation; there must be place for it."""
        longer = Lineage(self.seeds, self.kinds.copy(), self.amounts.copy(), self.keys.copy())
        rows, at = np.arange(len(self)), self.lengths()
        longer.kinds[rows, at], longer.amounts[rows, at] = kinds, amounts
        longer.keys[rows, at] = keys
        return longer


@dataclass(frozen=True, eq=False)
class Entries:
    """Inputs of a corpus.

    Attributes:
        pixels: uint8 ``[n, channels, H, W]``.
        references: uint8 ``[n, channels, H, W]``, what the bounds compare them with.
        room: float32 ``[n]``, share of the allowed change that is left.
        moved: bool ``[n]``, whether one of the mutations was geometric.
        lineage: of each.
    """

    pixels: Pixels
    references: Pixels
    room: NDArray[np.float32]
    moved: BoolArray
    lineage: Lineage

    @classmethod
    def of_seeds(cls, seeds: Pixels, depth: int) -> Entries:
        """Return seeds, which may have up to ``depth`` mutations."""
        moved = np.zeros(len(seeds), dtype=bool)
        room = np.ones(len(seeds), dtype=np.float32)
        lineage = Lineage.of_seeds(len(seeds), depth)
        return cls(seeds, seeds, room, moved, lineage)

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Entries:
        """Return what :meth:`arrays` returned."""
        lineage = Lineage(*(arrays[name] for name in ("seeds", "kinds", "amounts", "keys")))
        own = ("pixels", "references", "room", "moved")
        return cls(**{name: arrays[name] for name in own}, lineage=lineage)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all columns by name."""
        own = {name: value for name, value in vars(self).items() if name != "lineage"}
        return {**own, **vars(self.lineage)}

    def __len__(self) -> int:
        return len(self.pixels)

    def rows(self, rows: IntArray | BoolArray) -> Entries:
        """Return some of them."""
        return Entries.of_arrays({name: array[rows] for name, array in self.arrays().items()})


class Corpus:
    """Inputs that are mutated, and how often each was chosen.

    Args:
        entries: to begin with.
        chosen: int64 ``[n]``, how often each was; None for never.

    Raises:
        ImprintError: they do not fit into memory.
    """

    def __init__(self, entries: Entries, chosen: IntArray | None = None) -> None:
        if 2 * entries.pixels.nbytes > MAX_BYTES:
            raise ImprintError(
                f"{len(entries):,} seeds of {entries.pixels[0].size:,} values do not fit into the "
                "corpus: use fewer, --seed-records"
            )
        self._columns = entries.arrays()
        self._columns["chosen"] = np.zeros(len(entries), np.int64) if chosen is None else chosen
        self._size = len(entries)

    def __len__(self) -> int:
        return self._size

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all columns by name, with how often each input was ``chosen``."""
        return {name: column[: self._size] for name, column in self._columns.items()}

    @property
    def is_full(self) -> bool:
        """Whether there is no memory for more."""
        return 2 * self._columns["pixels"][:1].nbytes * self._size >= MAX_BYTES

    def rows(self, rows: IntArray) -> Entries:
        """Return some of the inputs."""
        return Entries.of_arrays({name: column[rows] for name, column in self._columns.items()})

    def room(self, rows: IntArray) -> NDArray[np.float32]:
        """Return which share of the allowed change is left to some of the inputs."""
        return np.asarray(self._columns["room"][rows])

    def moved(self, rows: IntArray) -> BoolArray:
        """Return which of some inputs have a geometric mutation."""
        return np.asarray(self._columns["moved"][rows])

    def choose(self, count: int, key: int) -> IntArray:
        """Return the rows of up to ``count`` inputs that may have one more mutation, in order.

        They count as chosen.

        Args:
            count: inputs.
            key: of what is drawn, as :func:`imprint.core.seeds.derive` makes it.
        """
        chosen, kinds = (self._columns[name][: self._size] for name in ("chosen", "kinds"))
        able = np.flatnonzero(kinds[:, -1] == NO_MUTATION)
        priority = np.maximum(1 - chosen[able] / GAMMA, LEAST_PRIORITY)
        ranks = np.log1p(-uniforms(key, able, 1)[:, 0]) / priority
        first = max(len(able) - count, 0)
        rows = np.sort(able[np.argpartition(ranks, first)[first:]] if first else able)
        self._columns["chosen"][rows] += 1
        return np.asarray(rows)

    def add(self, entries: Entries) -> None:
        """Take in accepted mutants, as long as there is memory."""
        if self.is_full or not len(entries):
            return
        end = self._size + len(entries)
        further = {**entries.arrays(), "chosen": np.zeros(len(entries), dtype=np.int64)}
        for name, rows in further.items():
            column = self._columns[name]
            if end > len(column):
                grown = np.empty((2 * end, *column.shape[1:]), column.dtype)
                grown[: self._size] = column[: self._size]
                self._columns[name] = column = grown
            column[self._size : end] = rows
        self._size = end


def share_trials(room: NDArray[np.float32] | FloatArray, trials: int) -> IntArray:
    """Return how many trials each input gets, int64 ``[n]``, ``trials`` in all.

    In proportion to the room of each, the largest remainders rounded up.

    >>> share_trials(np.array([1.0, 1.0, 0.5]), 5).tolist()
    [2, 2, 1]
    """
    weights = np.maximum(room, LEAST_ROOM).astype(np.float64)
    exact = weights / weights.sum() * trials
    whole = np.floor(exact).astype(np.int64)
    rest = np.argsort(whole - exact, kind="stable")[: trials - int(whole.sum())]
    whole[rest] += 1
    return np.asarray(whole)
