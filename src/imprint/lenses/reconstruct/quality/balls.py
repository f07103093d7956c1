"""Which vectors lie in which balls, exactly, by matrix products.

Squared distances ‖x‖² + ‖y‖² − 2 x·y of centred vectors are off by some 1e−13 of the lengths,
enough to lose ties: an image that is copied, or one that lies on the edge of a ball. So products
decide only what lies further from an edge than their error; the rest is computed anew from
differences, pair by pair in one order, so that equal distances are equal bits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.spatial.distance import cdist

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.progress import track

BLOCK_VALUES = 1 << 22
"""Distances held at a time: 32 MiB."""


class Distances:
    """Squared distances of rows to columns, block by block.

    Args:
        rows: float64 ``[n, d]``.
        columns: float64 ``[m, d]``.
    """

    def __init__(self, rows: FloatArray, columns: FloatArray) -> None:
        self.rows, self.columns = rows, columns
        centre = columns.mean(axis=0)
        self._rows, self._columns = rows - centre, columns - centre
        self._row_squares = np.einsum("nd,nd->n", self._rows, self._rows)
        self._column_squares = np.einsum("nd,nd->n", self._columns, self._columns)
        lengths = np.sqrt(self._row_squares.max()) + np.sqrt(self._column_squares.max())
        rounding = 4 * (rows.shape[1] + 8) * np.finfo(np.float64).eps
        self.error = float(rounding * lengths**2)
        """No squared distance is off by more."""

    def blocks(self, what: str) -> Iterator[tuple[int, FloatArray]]:
        """Yield the first row of each block and its squared distances, float64 ``[b, m]``.

        Args:
            what: a few words for the progress bar.
        """
        step = max(1, BLOCK_VALUES // len(self.columns))
        starts = range(0, len(self.rows), step)
        for start in track(starts, what, len(starts), "block"):
            block = slice(start, start + step)
            squares = self._rows[block] @ self._columns.T
            squares *= -2
            squares += self._row_squares[block, None]
            squares += self._column_squares
            yield start, squares

    def exact(self, row: int, columns: BoolArray) -> FloatArray:
        """Return squared distances of one row to the marked columns, from differences."""
        return np.asarray(cdist(self.rows[row][None], self.columns[columns], "sqeuclidean")[0])

    def settle(self, start: int, squares: FloatArray, near: BoolArray) -> None:
        """Replace the marked distances of a block that begins with row ``start`` by exact ones."""
        for line in np.flatnonzero(near.any(axis=1)):
            squares[line, near[line]] = self.exact(start + int(line), near[line])


def squared_radii(vectors: FloatArray, k: int) -> FloatArray:
    """Return the squared distance of each vector to its k-th nearest other vector, ``[n]``.

    Copies of a vector count as others.

    Args:
        vectors: float64 ``[n, d]``, n > k.
        k: at least 1.
    """
    distances = Distances(vectors, vectors)
    radii = np.empty(len(vectors))
    for start, squares in distances.blocks("nearest images"):
        lines = np.arange(len(squares))
        squares[lines, start + lines] = np.inf
        kth = np.partition(squares, k - 1, axis=1)[:, k - 1]
        near = squares <= kth[:, None] + 2 * distances.error
        for line in lines:
            settled = distances.exact(start + int(line), near[line])
            radii[start + line] = np.partition(settled, k - 1)[k - 1]
    return radii
