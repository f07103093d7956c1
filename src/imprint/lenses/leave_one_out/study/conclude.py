"""Steps that end in a finding, and the arrays that some of them write beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from torch import Tensor

from imprint.study.finding import read_finding
from imprint.study.step import Step
from imprint.study.store import Study

Finding = TypeVar("Finding")
EVERY = slice(None)


class FindingStep(Step, Generic[Finding]):
    """A step whose folder holds one finding.

    Attributes:
        kind: the dataclass of the finding.
        file: where it stands in the folder.
    """

    kind: ClassVar[type[Any]]
    file: ClassVar[str] = "findings.json"


def conclude(study: Study, step: FindingStep[Finding]) -> Finding:
    """Run a step; return its finding."""
    finding: Finding = read_finding(step.kind, study.run(step) / step.file)
    return finding


class MeasureArrays:
    """Measures ``[rows, columns]``, and ``[rows, columns, c]`` of the shift, filled part by part.

    Args:
        rows: how many records were left out, or added.
        columns: how many queries there are.
        folder: where ``MEASURE.npy`` are written; None keeps them in memory.
        values: number type.
    """

    def __init__(
        self, rows: int, columns: int, folder: Path | None = None, values: str = "float64"
    ) -> None:
        self._folder, self._shape, self._dtype = folder, (rows, columns), np.dtype(values)
        self.arrays: dict[str, np.ndarray] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The measures, sorted."""
        return tuple(sorted(self.arrays))

    def fill(
        self, measures: Mapping[str, Tensor], rows: slice = EVERY, columns: slice = EVERY
    ) -> None:
        """Set a part of every measure, ``[r, q]`` or ``[r, q, c]``."""
        for name, values in measures.items():
            if name not in self.arrays:
                self.arrays[name] = self._new(name, (*self._shape, *values.shape[2:]))
            self.arrays[name][rows, columns] = values.cpu().numpy()

    def _new(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        if self._folder is None:
            return np.empty(shape, self._dtype)
        file = self._folder / f"{name}.npy"
        return np.lib.format.open_memmap(file, mode="w+", dtype=self._dtype, shape=shape)
