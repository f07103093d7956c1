"""A lower triangular matrix kept as panels of columns, in memory or in one file.

Panel j holds columns j·w to (j + 1)·w from its first row on the diagonal downwards: n²/2 values
altogether where a square array has n². In a file, panels follow one another and each is written
once, row after row, so that any block of its rows is read in one stroke; nothing is mapped into
memory, and what a program holds is what it asked for.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from imprint.errors import ImprintError
from imprint.leave_one_out.kernels.tiles import blocks
from imprint.store import read_json, telling_disk_errors, write_json


@dataclass(frozen=True)
class Shape:
    """How an n × n triangle is cut.

    Attributes:
        size: n.
        width: w, columns a panel, fewer in the last.
        dtype: of the values.
        device: where blocks are handed out.
    """

    size: int
    width: int
    dtype: torch.dtype
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def columns(self) -> list[slice]:
        """The columns of each panel; its rows begin where they begin."""
        return blocks(self.size, self.width)

    def below(self, panel: int) -> list[slice]:
        """Return the rows under the diagonal block of a panel, in blocks as high as it is wide."""
        return self.columns[panel + 1 :]

    def new(self, panel: int) -> Tensor:
        """Return an uninitialised panel, ``[n − first row, w]``."""
        columns = self.columns[panel]
        height, width = self.size - columns.start, columns.stop - columns.start
        return torch.empty(height, width, dtype=self.dtype, device=self.device)


class Panels(Protocol):
    """Where panels are kept; they are written from the first to the last."""

    shape: Shape

    @property
    def done(self) -> int:
        """How many panels were written."""
        ...

    def write(self, panel: Tensor) -> None:
        """Keep the next panel."""
        ...

    def rows(self, panel: int, rows: slice) -> Tensor:
        """Return some rows of a panel, counted from the top of the matrix; not to be changed."""
        ...


class MemoryPanels:
    """Panels as tensors on the device."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self._panels: list[Tensor] = []

    @property
    def done(self) -> int:
        """How many panels were written."""
        return len(self._panels)

    def write(self, panel: Tensor) -> None:
        """Keep the next panel, not a copy."""
        self._panels.append(panel)

    def rows(self, panel: int, rows: slice) -> Tensor:
        """Return a view."""
        start = self.shape.columns[panel].start
        return self._panels[panel][rows.start - start : rows.stop - start]


class FilePanels:
    """Panels in ``panels.bin`` of a folder, with ``panels.json`` saying what and how many.

    Args:
        folder: made if it is missing.
        shape: how the triangle is cut.
        settings: everything the values depend on, as JSON values; panels found under other settings
            are not taken over.

    Raises:
        ImprintError: the folder holds panels of something else, cannot be written, or lies on a
            disk without room for all of them.
    """

    def __init__(self, folder: Path, shape: Shape, settings: dict[str, Any]) -> None:
        self.shape = shape
        self._data, self._state = folder / "panels.bin", folder / "panels.json"
        self._settings = {**settings, "size": shape.size, "dtype": str(shape.dtype)}
        self._settings["width"] = shape.width
        self._done = 0
        with telling_disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if self._state.exists():
                self._take_over()
            else:
                self._data.touch()
        missing = self._offset(len(shape.columns)) - self._data.stat().st_size
        if missing > shutil.disk_usage(folder).free:
            raise ImprintError(
                f"{folder} lacks room for a factor of {missing / 2**30:,.1f} GiB more: "
                "name a folder on a larger disk"
            )

    @property
    def done(self) -> int:
        """How many panels were written."""
        return self._done

    def write(self, panel: Tensor) -> None:
        """Write the next panel and then, once it lies on the disk, that it does."""
        with telling_disk_errors(self._data), self._data.open("r+b") as file:
            file.seek(self._offset(self._done))
            file.write(panel.cpu().contiguous().numpy().data.cast("B"))
            file.flush()
            os.fsync(file.fileno())
        self._done += 1
        write_json(self._state, {"settings": self._settings, "done": self._done})

    def rows(self, panel: int, rows: slice) -> Tensor:
        """Read some rows."""
        columns = self.shape.columns[panel]
        width = columns.stop - columns.start
        values = torch.empty(rows.stop - rows.start, width, dtype=self.shape.dtype)
        skip = (rows.start - columns.start) * width * values.element_size()
        with self._data.open("rb", buffering=0) as file:
            file.seek(self._offset(panel) + skip)
            wanted = values.numpy().data.cast("B")
            while len(wanted):
                got = file.readinto(wanted)
                if not got:
                    raise ImprintError(f"{self._data} is cut short: delete its folder, run again")
                wanted = wanted[got:]
        return values.to(self.shape.device)

    def _offset(self, panel: int) -> int:
        before = self.shape.columns[:panel]
        values: int = sum((self.shape.size - c.start) * (c.stop - c.start) for c in before)
        item: int = self.shape.dtype.itemsize
        return values * item

    def _take_over(self) -> None:
        state = read_json(self._state)
        if state["settings"] != self._settings:
            raise ImprintError(
                f"{self._state.parent} holds the factor of another fit: "
                "give another folder, or delete this one"
            )
        if self._data.stat().st_size < self._offset(state["done"]):
            raise ImprintError(f"{self._data} is cut short: delete its folder, run again")
        self._done = int(state["done"])
