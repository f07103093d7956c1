"""A lower triangular matrix kept as panels of columns, in memory or in one file.

Panel j holds columns j·w to (j + 1)·w from its first row on the diagonal downwards: n²/2 values
altogether where a square array has n². In a file, panels follow one another and each is written
once, row after row, so that any block of its rows is read in one stroke; nothing is mapped into
memory, and what a program holds is what it asked for.

BLAS adds in another order where an operand starts elsewhere in a cache line or has other strides:
of 33 × 33 values, panels in memory (views, 7 · 4 · k bytes into a panel) and in a file (fresh
buffers) differed in the last bits. So both are read by copying into a buffer of the caller's, which
:func:`aligned` places: the same products see the same operands at the same offsets, in memory, in a
file and after an interruption, on any processor. MKL_CBWR does the same for MKL alone (at 0-5 % of
the time; COMPATIBLE takes 2-4 times as long), and not once torch is loaded or on Arm; the copies
take 1/w of the products.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from imprint.core.durable import telling_disk_errors
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.lenses.leave_one_out.linalg.threads import blocks
from imprint.study.json_io import read_json, write_json

CACHE_LINE = 64
"""Bytes: where BLAS kernels treat aligned operands differently."""


def aligned(rows: int, columns: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return an uninitialised ``[rows, columns]``, contiguous, that starts with a cache line."""
    item, values = dtype.itemsize, rows * columns
    buffer = torch.empty(values + CACHE_LINE // item, dtype=dtype, device=device)
    skip = -buffer.data_ptr() % CACHE_LINE // item
    return buffer[skip : skip + values].view(rows, columns)


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
        return aligned(height, width, self.dtype, self.device)


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

    def read(self, panel: int, rows: slice, into: Tensor) -> None:
        """Copy some rows of a panel, counted from the top of the matrix, ``[r, w]``."""
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

    def read(self, panel: int, rows: slice, into: Tensor) -> None:
        """Copy some rows."""
        start = self.shape.columns[panel].start
        into.copy_(self._panels[panel][rows.start - start : rows.stop - start])


class FilePanels:
    """Panels in ``panels.bin`` of a folder, with ``panels.json`` saying what and how many.

    Args:
        folder: made if it is missing.
        shape: how the triangle is cut.
        settings: everything the values depend on, as JSON values; panels made under other settings
            are not taken over.

    Raises:
        ImprintError: the folder holds panels of something else, cannot be written, or lies on a
            disk without room for all of them.
    """

    def __init__(self, folder: Path, shape: Shape, settings: Mapping[str, object]) -> None:
        self.shape = shape
        self._data, self._state = folder / "panels.bin", folder / "panels.json"
        self._settings = {**settings, "size": shape.size, "dtype": str(shape.dtype)}
        self._settings["width"] = shape.width
        self._done = 0
        self._hashes: list[str] = []
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
        values = panel.cpu().contiguous().numpy().data.cast("B")
        with telling_disk_errors(self._data), self._data.open("r+b") as file:
            file.seek(self._offset(self._done))
            file.write(values)
            file.flush()
            os.fsync(file.fileno())
        self._done += 1
        self._hashes.append(hashlib.sha256(values).hexdigest())
        state = {"settings": self._settings, "done": self._done, "hashes": self._hashes}
        write_json(self._state, state)

    def verify(self) -> None:
        """Compare every panel with the hash it was written with, row block by row block.

        Raises:
            ImprintError: one differs, or the file is cut short.
        """
        shape = self.shape
        for panel in track(range(len(self._hashes)), "verify factor", len(self._hashes)):
            digest, columns = hashlib.sha256(), shape.columns[panel]
            for rows in shape.columns[panel:]:
                block = torch.empty(
                    rows.stop - rows.start, columns.stop - columns.start, dtype=shape.dtype
                )
                self.read(panel, rows, block)
                digest.update(block.numpy().data.cast("B"))
            if digest.hexdigest() != self._hashes[panel]:
                raise ImprintError(
                    f"{self._data} is damaged in panel {panel}: delete its folder, run again"
                )

    def read(self, panel: int, rows: slice, into: Tensor) -> None:
        """Copy some rows from the file."""
        columns = self.shape.columns[panel]
        values = into if into.device.type == "cpu" else torch.empty_like(into, device="cpu")
        skip = (rows.start - columns.start) * values.shape[1] * values.element_size()
        with self._data.open("rb", buffering=0) as file:
            file.seek(self._offset(panel) + skip)
            wanted = values.numpy().data.cast("B")
            while len(wanted):
                got = file.readinto(wanted)
                if not got:
                    raise ImprintError(f"{self._data} is cut short: delete its folder, run again")
                wanted = wanted[got:]
        if values is not into:
            into.copy_(values)

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
        self._hashes = list(state.get("hashes", []))


def kept_width(folder: Path) -> int | None:
    """Return the width of the panels that a folder holds, None if it holds none."""
    state = folder / "panels.json"
    return int(read_json(state)["settings"]["width"]) if state.is_file() else None
