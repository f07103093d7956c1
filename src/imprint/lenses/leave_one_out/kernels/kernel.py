"""What a kernel is, and how one is found by name.

A kernel is a frozen dataclass: its fields are the options, calling it gives the matrix.

>>> kernel = KERNELS.get("fc")(depth=1, activation="relu")
>>> train = torch.eye(2)
>>> kernel(train)  # [n, n], exactly symmetric; kernel.diagonal(train) without the rest
tensor([[1.0000, 0.3183],
        [0.3183, 1.0000]], dtype=torch.float64)
>>> kernel(-train[:1], train)  # [q, n], differentiable in both
tensor([[0.0000, 0.3183]], dtype=torch.float64)

The limit of a network of infinite width is described by :class:`NetworkKernel`, whose options
describe the networks of finite width with the same prior as well: weights normal with variance
W_std²/fan_in, biases normal with variance b_std².
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.registry import Registry
from imprint.lenses.leave_one_out.kernels.dual_activation import Activation, DualActivation
from imprint.lenses.leave_one_out.kernels.dual_activations import dual_activation
from imprint.lenses.leave_one_out.kernels.tiles import (
    MEMORY,
    Footprint,
    PreparedInputs,
    by_blocks,
    concatenate,
    gram,
)


@dataclass(frozen=True, kw_only=True)
class Kernel(ABC):
    """A covariance of inputs, in float64 on the device of the inputs."""

    def __call__(
        self,
        x: Tensor | PreparedInputs,
        other: Tensor | PreparedInputs | None = None,
        memory: int = MEMORY,
    ) -> Tensor:
        """Return the kernel of all pairs.

        Args:
            x: inputs ``[n, ...]``, floating-point, or what :meth:`prepare` made of them.
            other: inputs ``[m, ...]`` of the same shape otherwise; None for ``x`` itself.
            memory: bytes of temporaries allowed.

        Returns:
            float64 ``[n, m]``. Without ``other`` it is exactly symmetric and its diagonal is that
            of :meth:`diagonal`. Gradients flow into both inputs.

        Raises:
            ImprintError: inputs that are not finite, not floating-point or of the wrong shape.
        """
        rows = self._records(x, memory)
        columns = None if other is None else self._records(other, memory)
        if columns is not None:
            _check_pair(rows, columns)
        matrix = gram(self.pairs, rows, columns, self.footprint(rows), memory)
        if columns is not None:
            return matrix
        return matrix.diagonal_scatter(self._own_blocks(rows, memory))

    def diagonal(self, x: Tensor | PreparedInputs, memory: int = MEMORY) -> Tensor:
        """Return the kernel of each input with itself, float64 ``[n]``."""
        return self._own_blocks(self._records(x, memory), memory)

    def prepare(self, x: Tensor, memory: int = MEMORY) -> PreparedInputs:
        """Return the inputs with their variances: worth keeping for inputs that are used often."""
        inputs = PreparedInputs(self.inputs(_checked(x)))
        return concatenate(by_blocks(self.records, inputs, self.footprint(inputs), memory))

    @property
    def homogeneous(self) -> bool:
        """Whether k(tx, x') = t k(x, x') for every t > 0: functions grow in step with inputs."""
        return False

    @abstractmethod
    def inputs(self, x: Tensor) -> Tensor:
        """Return the inputs as this kernel takes them, float64 ``[n, ...]``."""

    def records(self, inputs: PreparedInputs) -> PreparedInputs:
        """Return the inputs with their variances."""
        return inputs

    @abstractmethod
    def pairs(self, rows: PreparedInputs, columns: PreparedInputs) -> Tensor:
        """Return the kernel of r rows with c columns, ``[r, c]``."""

    @abstractmethod
    def own(self, records: PreparedInputs) -> Tensor:
        """Return the kernel of each record with itself, ``[n]``."""

    def footprint(self, records: PreparedInputs) -> Footprint:
        """Return what a pair of records takes."""
        return Footprint()

    def expectation_error(self, records: PreparedInputs) -> float:
        """Return a bound of the error of expectations over units, as a share of the largest.

        Of one layer, among these records; 0 where everything has a closed form.
        """
        return 0.0

    def _records(self, x: Tensor | PreparedInputs, memory: int) -> PreparedInputs:
        return x if isinstance(x, PreparedInputs) else self.prepare(x, memory)

    def _own_blocks(self, records: PreparedInputs, memory: int) -> Tensor:
        return torch.cat(by_blocks(self.own, records, self.footprint(records), memory))


Limit = Literal["nngp", "ntk"]
"""The process that a network is before training, or the kernel of its training."""

MAX_DEPTH = 1000
"""Layers of a kernel; each takes a pass over all pairs."""
LARGEST = 1e100
"""Deviation of weights or biases, or factor of inputs: its square is still a number."""

KERNELS: Registry[type[Kernel]] = Registry(
    "kernel", "imprint.lenses.leave_one_out.kernels", group="imprint.kernels"
)


@dataclass(frozen=True, kw_only=True)
class NetworkKernel(Kernel):
    """The kernel of a network whose layers are infinitely wide, at initialisation."""

    activation: Activation = "relu"
    """What follows each hidden layer."""
    w_std: float = math.sqrt(2)
    """Standard deviation of a weight times √fan_in."""
    b_std: float = 0.0
    """Standard deviation of a bias."""
    input_scale: float = 1.0
    """What inputs are multiplied by."""

    @property
    def homogeneous(self) -> bool:
        """That the activation is, and there are no biases."""
        return self.dual.homogeneous and self.b_std == 0

    def __post_init__(self) -> None:
        dual_activation(self.activation)
        check(0 < self.w_std <= LARGEST, "w_std", self.w_std, f"above 0, up to {LARGEST:g}")
        check(0 <= self.b_std <= LARGEST, "b_std", self.b_std, f"from 0 to {LARGEST:g}")
        scale = self.input_scale
        check(0 < scale <= LARGEST, "input_scale", scale, f"above 0, up to {LARGEST:g}")

    @property
    def takes_slopes(self) -> bool:
        """Whether slopes of activations enter as well, as they do in a neural tangent kernel."""
        return False

    @property
    def dual(self) -> DualActivation:
        """The dual of the activation."""
        return dual_activation(self.activation)

    def expectation_error(self, records: PreparedInputs) -> float:
        """Return the largest bound of any layer; 0 of an activation with a closed form."""
        errors = [self.dual.error] + [self.dual.slope_error] * self.takes_slopes
        return max((error(p) for error in errors for p in records.variances), default=0.0)

    def affine(self, k: Tensor, share: float = 1.0) -> Tensor:
        """Return what a layer of weights makes of ``share`` · k: W_std² · share · k + b_std²."""
        factor = self.w_std**2 * share
        k = k if factor == 1 else k * factor
        return k if self.b_std == 0 else k + self.b_std**2


def check(holds: bool, name: str, value: object, rule: str) -> None:
    """Check an option of a kernel.

    Raises:
        ImprintError: the rule does not hold.
    """
    if not holds:
        raise ImprintError(f"kernel option {name} is {value}: it must be {rule}")


def _checked(x: Tensor) -> Tensor:
    """Return inputs in float64."""
    if x.ndim < 2 or x.numel() == 0:
        raise ImprintError(f"kernels take inputs [n, ...], none of them empty, got {list(x.shape)}")
    if not x.is_floating_point():
        raise ImprintError(
            f"kernels take floating-point inputs, got {str(x.dtype).removeprefix('torch.')}: "
            "scale them as the networks see them, because kernels depend on it"
        )
    x = x.double()
    # One pass: whatever is not finite makes the sum so.
    finite = x.detach().flatten(1).sum(1).isfinite()
    if not finite.all():
        row = int(finite.logical_not().nonzero()[0])
        raise ImprintError(
            f"input {row} of a kernel holds NaN, infinity or numbers too large: leave it out"
        )
    return x


def _check_pair(rows: PreparedInputs, columns: PreparedInputs) -> None:
    one, other = rows.inputs, columns.inputs
    if one.shape[1:] != other.shape[1:]:
        raise ImprintError(
            f"a kernel compares inputs of one shape, got {list(one.shape[1:])} and "
            f"{list(other.shape[1:])}"
        )
    if one.device != other.device:
        raise ImprintError(
            f"a kernel compares inputs on one device, got {one.device} and {other.device}"
        )
