"""Files of measures, ``MEASURE.npy``, written part by part."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

EVERY = slice(None)


class MeasureFiles:
    """Arrays ``[rows, columns]`` of a folder, and ``[rows, columns, c]`` of the shift; float64.

    Args:
        folder: where they are written.
        rows: what was left out, or added.
        columns: queries.
    """

    def __init__(self, folder: Path, rows: int, columns: int) -> None:
        self._folder, self._shape = folder, (rows, columns)
        self._files: dict[str, NDArray[np.float64]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The measures written, sorted."""
        return tuple(sorted(self._files))

    def write(
        self, measures: Mapping[str, Tensor], rows: slice = EVERY, columns: slice = EVERY
    ) -> None:
        """Write a part of every measure, ``[r, q]`` or ``[r, q, c]``."""
        for name, values in measures.items():
            if name not in self._files:
                self._files[name] = np.lib.format.open_memmap(
                    self._folder / f"{name}.npy",
                    mode="w+",
                    dtype=np.float64,
                    shape=(*self._shape, *values.shape[2:]),
                )
            self._files[name][rows, columns] = values.cpu().numpy()

    def close(self) -> None:
        """Write everything to disk."""
        self._files.clear()
