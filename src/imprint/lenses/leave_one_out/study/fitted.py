"""A fit that is computed when first needed, and what it must satisfy beforehand.

A fit is a Cholesky factor of the kernel matrix, seconds for thousands of records. It is computed
again for later queries, and only tables are kept: a matrix is n times as large as its records.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from imprint.core.device import choose_device, free_memory
from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.findings import KernelSettings
from imprint.lenses.leave_one_out.kernels.choice import kernel_of, kernel_settings
from imprint.lenses.leave_one_out.kernels.kernel import Kernel
from imprint.lenses.leave_one_out.options import LeaveOneOutChoice
from imprint.lenses.leave_one_out.posterior.posterior import Posterior, check_scale, fit
from imprint.lenses.leave_one_out.posterior.target_units import TargetUnits, no_units
from imprint.lenses.leave_one_out.posterior.targets import Outputs, centred_one_hot
from imprint.lenses.leave_one_out.study.inputs import Inputs
from imprint.study.counted import uncounted

MATRICES = 4
"""n × n arrays that exist at a time: kernel, factor, inverse and a copy in the making."""
PATH_MATRICES = 4
"""As many more for an eigendecomposition."""


@dataclass(frozen=True, eq=False)
class GaussianFit:
    """Records and the prior they are fitted under.

    Attributes:
        inputs: the records.
        kernel_settings: name and options of the kernel.
        noise: variances; the first is fitted.
        outputs: what the targets are.
        device: where matrices are.
    """

    inputs: Inputs
    kernel_settings: KernelSettings
    noise: tuple[float, ...]
    outputs: Outputs
    device: torch.device = uncounted()

    @property
    def kernel(self) -> Kernel:
        """The kernel."""
        return kernel_of(self.kernel_settings)

    @cached_property
    def values(self) -> Tensor:
        """The inputs, float64 ``[n, ...]``."""
        return torch.from_numpy(self.inputs.values).to(self.device)

    @cached_property
    def labels(self) -> Tensor:
        """Classes, int64 ``[n]``."""
        return torch.from_numpy(self.inputs.labels).to(self.device)

    @property
    def targets(self) -> Tensor:
        """Centred indicators of the classes, labels or real values, float64 ``[n, c]``."""
        if self.inputs.targets is not None:
            return torch.from_numpy(self.inputs.targets).to(self.device)
        return centred_one_hot(self.labels, len(self.inputs.classes), self.outputs)

    @property
    def units(self) -> TargetUnits:
        """The units of the targets, ``[c]``."""
        return self.inputs.units or no_units(self.targets.shape[1])

    @cached_property
    def posterior(self) -> Posterior:
        """The fit at the first noise variance."""
        matrix = self.kernel(self.values)
        for noise in self.noise:
            check_scale(matrix.diagonal(), noise)
        return fit(matrix, self.targets, self.noise[0])


def check_fit(
    inputs: Inputs,
    choice: LeaveOneOutChoice,
    device: torch.device,
    dense: bool = True,
    alternative: str = "",
) -> GaussianFit:
    """Return a fit that can be made.

    Args:
        inputs: the records.
        choice: kernel and noise.
        device: where matrices are.
        dense: whether the whole kernel matrix and its inverse are kept.
        alternative: what the message offers first where these do not fit.

    Raises:
        ImprintError: options of the kernel, noise or outputs that cannot be, or too many records
            for the memory of this machine.
    """
    settings = kernel_settings(choice)
    if not choice.noise:
        raise ImprintError("--noise is empty: give a variance, such as 0.1")
    if choice.outputs == "contrast" and len(inputs.classes) != 2:
        raise ImprintError(
            f"--outputs contrast needs 2 classes, not {len(inputs.classes)}: "
            "choose --outputs classes"
        )
    if dense:
        check_memory(len(inputs.index), len(choice.noise) > 1, device, alternative)
    return GaussianFit(inputs, settings, choice.noise, choice.outputs, device)


def check_one_noise(choice: LeaveOneOutChoice) -> None:
    """Check that there is one noise variance, where more would go unused.

    Raises:
        ImprintError: there are several.
    """
    if len(choice.noise) > 1:
        raise ImprintError(
            f"--noise has {len(choice.noise)} variances, and only a fit makes a path of several: "
            "give one"
        )


def double_device(name: str) -> torch.device:
    """Return the device of that name, which must have float64; auto is CUDA or else the CPU.

    Raises:
        ImprintError: this machine lacks the device, or the device lacks float64.
    """
    device = choose_device(name)
    if device.type != "mps":
        return device
    if name == "auto":
        return torch.device("cpu")
    raise ImprintError("--device mps has no float64, which a leave-one-out difference needs: cpu")


def check_memory(records: int, with_path: bool, device: torch.device, alternative: str) -> None:
    """Check that the kernel matrix of some records and its inverse fit into memory.

    Raises:
        ImprintError: they do not; the message says how many records do.
    """
    matrices = MATRICES + (PATH_MATRICES if with_path else 0)
    needed, free = matrices * 8 * records**2, free_memory(device)
    if free is not None and needed > free:
        fits = int((free / (8 * matrices)) ** 0.5)
        raise ImprintError(
            f"{records:,} records need {needed / 1e9:,.1f} GB for their kernel matrix and its "
            f"inverse, and {free / 1e9:,.1f} GB are free: choose {alternative}--records {fits} or "
            "fewer"
        )
