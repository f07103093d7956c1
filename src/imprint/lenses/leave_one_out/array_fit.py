"""Fits of arrays in memory: real values, a kernel matrix, or a function of the caller as kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError, reason_of
from imprint.core.user_arrays import as_array, as_numbers
from imprint.lenses.leave_one_out.kernels.kernel import KERNELS, Kernel
from imprint.lenses.leave_one_out.posterior.targets import Outputs
from imprint.lenses.leave_one_out.study.array_records import value_targets
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.lenses.leave_one_out.study.inputs import Inputs, Queries, RecordArrays
from imprint.lenses.leave_one_out.study.kernel_matrix import kernel_inputs, kernel_queries
from imprint.lenses.leave_one_out.target_options import TargetScaling
from imprint.study.array_file import arrays_from

WHERE = "arrays"
"""What errors call arrays in memory."""
UserKernel = str | Kernel | Callable[..., Any]


@dataclass(frozen=True, eq=False)
class KernelFunction:
    """A kernel as a function of two sets of inputs, ``[n, ...]`` and ``[m, ...]``, to ``[n, m]``.

    A method ``diag`` of it, as kernels of scikit-learn have, gives k(q, q); else it is called with
    one input at a time.

    Attributes:
        function: the kernel.
        records: as the function takes them, ``[n, ...]``.
    """

    function: Callable[..., Any]
    records: NDArray[Any]

    def matrix(self, x: NDArray[Any], other: NDArray[Any]) -> FloatArray:
        """Return the kernel of all pairs, float64 ``[n, m]``.

        Raises:
            ImprintError: the function fails, or returns something else.
        """
        try:
            made = self.function(x, other)
        except Exception as error:  # the caller's code may raise anything
            raise ImprintError(
                f"the kernel function failed ({reason_of(error)}): it takes [n, ...] and [m, ...]"
            ) from error
        values = as_numbers(made, "what the kernel function returns")
        if values.shape != (len(x), len(other)) or not np.isfinite(values).all():
            raise ImprintError(
                f"the kernel function returned shape {list(values.shape)}, expected finite numbers "
                f"[{len(x)}, {len(other)}]"
            )
        return values

    def diagonal(self, x: NDArray[Any]) -> FloatArray:
        """Return the kernel of each input with itself, float64 ``[n]``."""
        if hasattr(self.function, "diag"):
            own = as_numbers(self.function.diag(x), "the diagonal of the kernel function")
            if own.shape == (len(x),) and np.isfinite(own).all():
                return own
        parts = [self.matrix(x[row : row + 1], x[row : row + 1]) for row in range(len(x))]
        return np.array([part[0, 0] for part in parts])

    def queries(self, values: NDArray[Any], index: IntArray) -> Queries:
        """Return queries as inputs of the kernel given."""
        cross, own = self.matrix(values, self.records), self.diagonal(values)
        return Queries(kernel_queries(cross, own, index, WHERE, "kernel_queries"))


@dataclass(frozen=True, eq=False)
class ArrayFit:
    """A fit of arrays, and the kernel function it was made by, if one."""

    process: GaussianFit
    function: KernelFunction | None = None


def array_fit(
    x: ArrayLike,
    y: ArrayLike,
    kernel: UserKernel,
    noise: tuple[Any, ...],
    outputs: Outputs,
    device: torch.device,
    targets: str = "classes",
    target_scaling: TargetScaling = "standardised",
) -> ArrayFit:
    """Return the fit of arrays.

    Args:
        x: inputs ``[n, ...]``, or the kernel matrix ``[n, n]`` of the kernel given.
        y: classes ``[n]``, or real values ``[n]`` or ``[n, c]``.
        kernel: a name, a kernel, or a function.
        noise: variances, or auto.
        outputs: of classes.
        device: where matrices are.
        targets: ``classes`` or ``values``.
        target_scaling: of real values.

    Raises:
        ImprintError: arrays that do not fit, or a kernel that is none.
    """
    values, wanted = as_array(x, "x"), as_array(y, "y")
    if targets not in ("classes", "values"):
        raise ImprintError(f"targets must be classes or values, got {targets!r}")
    if target_scaling not in ("standardised", "raw"):
        raise ImprintError(f"target_scaling must be standardised or raw, got {target_scaling!r}")
    function = None
    if not isinstance(kernel, (str, Kernel)) and callable(kernel) and not isinstance(kernel, type):
        function = KernelFunction(kernel, values)
        settings: dict[str, Any] = {"name": "given"}
        fitted = function.matrix(values, values)
    else:
        settings, fitted = _settings(kernel), values
    index: IntArray = np.arange(len(values) if values.ndim else 0, dtype=np.int64)
    raw: NDArray[Any] = values
    parts = _targets(wanted, len(index), targets, target_scaling, fitted, settings["name"])
    if settings["name"] == "given":
        fitted = kernel_inputs(as_numbers(fitted, "x"), index, WHERE)
        raw = fitted[:, 1:]
    else:
        fitted = fitted.astype(np.float64)
    process = GaussianFit(Inputs(index, fitted, raw=raw, **parts), settings, noise, outputs, device)
    return ArrayFit(process, function)


def _settings(kernel: Any) -> dict[str, Any]:
    made = KERNELS.get(kernel)() if isinstance(kernel, str) else kernel
    for name in KERNELS.names():
        if KERNELS.get(name) is type(made):
            return {"name": name, **asdict(made)}
    raise ImprintError(
        "kernel must be a name, what leave_one_out.kernel returns, or a function of two arrays, "
        f"got {made!r}"
    )


def _targets(
    wanted: NDArray[Any],
    count: int,
    targets: str,
    scaling: TargetScaling,
    x: NDArray[Any],
    kernel: str,
) -> dict[str, Any]:
    """Return the fields of the records that say what is predicted."""
    if kernel == "given" and not np.isfinite(as_numbers(x, "x")).all():
        raise ImprintError("arrays: the kernel is not finite: compute it again")
    if targets == "values":
        values = as_numbers(wanted, "y")
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or len(values) != count or not values.size:
            raise ImprintError(
                f"y has shape {list(wanted.shape)}, expected [{count}] or [{count}, c]"
            )
        if not np.isfinite(values).all():
            raise ImprintError("y is not finite: leave such records out")
        if kernel != "given":
            arrays_from(RecordArrays, {"x": x, "y": np.zeros(count, dtype=np.int64)})
        part = value_targets(values, scaling, WHERE)
        return {
            "labels": part.labels,
            "classes": part.names,
            "targets": part.targets,
            "kind": "values",
            "units": part.units,
        }
    if wanted.dtype.kind not in "biufUS":
        raise ImprintError(f"y must hold classes, numbers or names, not {wanted.dtype}")
    classes, labels = np.unique(wanted, return_inverse=True)
    places = x.astype(np.float64) if kernel == "given" else x
    arrays = arrays_from(RecordArrays, {"x": places, "y": labels.reshape(wanted.shape)})
    if len(classes) < 2:
        raise ImprintError(f"y has {len(classes)} class: give records of at least 2")
    return {"labels": arrays.y, "classes": tuple(map(str, classes.tolist()))}
