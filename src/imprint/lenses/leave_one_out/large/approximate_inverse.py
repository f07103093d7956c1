"""An inverse of A = K + σ²I that is nearly right, by the method that fits the memory."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.leave_one_out.kernels.tiles import PreparedInputs
from imprint.lenses.leave_one_out.large.conjugate_gradients import StreamedMatrix
from imprint.lenses.leave_one_out.large.memory_plan import (
    Demand,
    LargeOptions,
    panel_width,
    panel_width_within,
    too_small,
)
from imprint.lenses.leave_one_out.large.nystrom import Nystrom
from imprint.lenses.leave_one_out.large.panel_cholesky import PanelCholesky
from imprint.lenses.leave_one_out.large.panels import (
    FilePanels,
    MemoryPanels,
    Panels,
    Shape,
    kept_width,
)
from imprint.study.hashing import hash_arrays

TRIANGLES = ("exact", "hybrid", "out_of_core")
"""Methods that keep a Cholesky factor."""


class ApproximateInverse(Protocol):
    """R̂."""

    def solve(self, right: Tensor) -> Tensor:
        """Return R̂b, ``[n, k]``."""
        ...

    def diagonal(self) -> tuple[Tensor, Tensor]:
        """Return R̂_ss and the leverage, ``[n]``."""
        ...


def demand_of(records: PreparedInputs, targets: Tensor, options: LargeOptions) -> Demand:
    """Return what a fit has to hold."""
    size, outputs = targets.shape
    tensors = (records.inputs, *records.variances)
    held = sum(values.numel() * values.element_size() for values in tensors)
    checked = min(options.sample, size)
    landmarks = min(options.landmarks, size)
    return Demand(size, held, outputs + checked, landmarks, options.probes)


def choose_method(demand: Demand, memory: int, options: LargeOptions) -> str:
    """Return the method that was asked for, or the first that fits.

    Raises:
        ImprintError: the one asked for does not fit, or none does.
    """
    disk = options.factor or options.workspace
    if options.method == "out_of_core" or (options.factor and options.method in TRIANGLES):
        if disk is None:
            raise ImprintError("the method out_of_core needs a workspace: name a folder on a disk")
        panel_width_within(demand, memory, item_size(options.method))
        return options.method
    wanted = ("exact", "hybrid") if options.method == "auto" else (options.method,)
    for method in wanted:
        if demand.total(method, memory) <= memory:
            return method
    if options.method == "auto":
        if disk is not None:
            panel_width_within(demand, memory, 4)
            return "out_of_core"
        if demand.total("nystrom", memory) <= memory:
            return "nystrom"
        wanted = ("nystrom",)
    raise too_small(memory, demand.total(wanted[-1], memory), wanted[-1])


def approximate_inverse(
    matrix: StreamedMatrix, method: str, demand: Demand, memory: int, options: LargeOptions
) -> ApproximateInverse:
    """Return R̂ of a method, ready to use.

    Raises:
        ImprintError: A is not positive definite in float32, or the workspace is of another fit.
    """
    size, device = demand.size, matrix.records.inputs.device
    if method == "nystrom":
        landmarks = drawn(size, demand.landmarks, options.seed, "landmarks")
        return Nystrom(matrix, landmarks.to(device))
    dtype = torch.float64 if method == "exact" else torch.float32
    folder = options.factor or (options.workspace if method == "out_of_core" else None)
    if folder is None:
        panels: Panels = MemoryPanels(Shape(size, panel_width(size), dtype, device))
        return PanelCholesky(panels, matrix.part, matrix.noise)
    # Panels that are there were made by their own width, whatever memory is free now.
    width = kept_width(folder) or panel_width_within(demand, memory, dtype.itemsize)
    panels = FilePanels(folder, Shape(size, width, dtype, device), _settings(matrix))
    if panels.done == len(panels.shape.columns):
        panels.verify()
    finished = None if options.workspace is None else options.workspace / "diagonal.npy"
    return PanelCholesky(panels, matrix.part, matrix.noise, finished)


def item_size(method: str) -> int:
    """Return the bytes of a value of the triangle."""
    return 8 if method == "exact" else 4


def _settings(matrix: StreamedMatrix) -> dict[str, object]:
    """Return what the factor depends on, as JSON values."""
    inputs = matrix.records.inputs.cpu().contiguous().numpy()
    return {"kernel": repr(matrix.kernel), "noise": matrix.noise, "records": hash_arrays(inputs)}


def drawn(size: int, count: int, seed: int, purpose: str) -> Tensor:
    """Return ``count`` different indices below ``size``, rising, int64."""
    chosen = generator(seed, "large fit", purpose).choice(size, count, replace=False)
    return torch.from_numpy(chosen).sort().values
