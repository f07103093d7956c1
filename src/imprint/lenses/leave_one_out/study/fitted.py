"""A fit that is computed when first needed, and what it must satisfy beforehand.

A fit is a Cholesky factor of the kernel matrix, seconds for thousands of records. It is computed
again for later queries, and only tables are kept: a matrix is n times as large as its records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from imprint.core.device import choose_device, free_memory
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.lenses.leave_one_out.findings import KernelSettings
from imprint.lenses.leave_one_out.kernels.choice import kernel_of, kernel_settings
from imprint.lenses.leave_one_out.kernels.kernel import Kernel, NetworkKernel
from imprint.lenses.leave_one_out.options import LeaveOneOutChoice, NoiseCriterion
from imprint.lenses.leave_one_out.posterior.duplicates import exact_copies
from imprint.lenses.leave_one_out.posterior.noise_path import Spectrum, spectrum
from imprint.lenses.leave_one_out.posterior.noise_selection import (
    ChosenNoise,
    NoiseCriteria,
    choose_noise,
)
from imprint.lenses.leave_one_out.posterior.posterior import (
    Posterior,
    check_scale,
    fit,
    is_in_scale,
)
from imprint.lenses.leave_one_out.posterior.target_units import TargetUnits, no_units
from imprint.lenses.leave_one_out.posterior.targets import Outputs, centred_one_hot
from imprint.lenses.leave_one_out.study.inputs import Inputs
from imprint.study.counted import uncounted
from imprint.study.option_types import AUTO

MATRICES = 4
"""n × n arrays that exist at a time: kernel, factor, inverse and a copy in the making."""
GIVEN_MATRICES = 2
"""As many more of a kernel matrix that is read: as it is, and as inputs."""
PATH_MATRICES = 4
"""As many more for an eigendecomposition."""
COMPARED = (0.01, 0.1, 1.0)
"""Noise variances that a chosen one is compared with where none is named."""


@dataclass(frozen=True, eq=False)
class GaussianFit:
    """Records and the prior they are fitted under.

    Attributes:
        inputs: the records.
        kernel_settings: name and options of the kernel.
        noise_choice: variances, or auto for those that the data choose; the first is fitted.
        outputs: what the targets are.
        device: where matrices are.
        noise_by: what auto maximises.
        noise_scale: whether at the best common factor of kernel and noise.
    """

    inputs: Inputs
    kernel_settings: KernelSettings
    noise_choice: tuple[float | Literal["auto"], ...]
    outputs: Outputs
    device: torch.device = uncounted()
    noise_by: NoiseCriterion = "density"
    noise_scale: Literal["profiled", "fixed"] = "profiled"

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

    @property
    def value_units(self) -> TargetUnits | None:
        """The units of real values; None for classes and labels."""
        return self.units if self.inputs.kind == "values" else None

    @cached_property
    def copies(self) -> Tensor:
        """For each record the first one with the same bytes, int64 ``[n]``."""
        return exact_copies(self.inputs.raw)

    @cached_property
    def matrix(self) -> Tensor:
        """The kernel of all pairs of records, float64 ``[n, n]``."""
        matrix = self.kernel(self.values)
        for noise in self.noise_choice:
            if noise != AUTO:
                check_scale(matrix.diagonal(), noise)
        return matrix

    @cached_property
    def kernel_error(self) -> float | None:
        """Bound of the error of an activation's quadrature; None where there is no quadrature."""
        kernel = self.kernel
        if not isinstance(kernel, NetworkKernel) or kernel.dual.exact:
            return None
        return kernel.expectation_error(kernel.prepare(self.values))

    @cached_property
    def posterior(self) -> Posterior:
        """The fit at the first noise variance."""
        return fit(self.matrix, self.targets, self.noise[0])

    @property
    def is_noise_chosen(self) -> bool:
        """Whether the data choose a noise variance."""
        return AUTO in self.noise_choice

    @cached_property
    def noise(self) -> tuple[float, ...]:
        """Variances; the first is fitted. Both choices of the data stand in place of auto."""
        numbers = tuple(noise for noise in self.noise_choice if noise != AUTO)
        if not self.is_noise_chosen:
            return numbers
        other: NoiseCriterion = "evidence" if self.noise_by == "density" else "density"
        choices = (self.chosen.by(self.noise_by), self.chosen.by(other))
        if not numbers:
            largest = float(self.matrix.diagonal().max())
            return (*choices, *(noise for noise in COMPARED if is_in_scale(noise, largest)))
        before = self.noise_choice.index(AUTO)
        return (*numbers[:before], *choices, *numbers[before:])

    @cached_property
    def spectrum(self) -> Spectrum:
        """Eigenvalues and eigenvectors of the kernel matrix."""
        return spectrum(self.matrix)

    @cached_property
    def criteria(self) -> NoiseCriteria:
        """What chooses a noise variance."""
        variances, profiled = self.matrix.diagonal(), self.noise_scale == "profiled"
        return NoiseCriteria(self.spectrum, self.targets, variances, self.copies, profiled)

    @cached_property
    def chosen(self) -> ChosenNoise:
        """The noise variances that the data choose."""
        check_scale(self.matrix.diagonal(), float(self.matrix.diagonal().mean()))
        log("choosing the noise variance")
        return choose_noise(self.criteria)

    def settled(self, noise: float) -> GaussianFit:
        """Return the same fit at a noise variance that was chosen before; itself without auto."""
        return replace(self, noise_choice=(noise,)) if self.is_noise_chosen else self


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
        more = GIVEN_MATRICES if choice.kernel == "given" else 0
        check_memory(len(inputs.index), takes_spectrum(choice.noise), device, alternative, more)
    usual = LeaveOneOutChoice()
    for name in ("noise_by", "noise_scale"):
        if getattr(choice, name) != getattr(usual, name) and AUTO not in choice.noise:
            raise ImprintError(
                f"--{name.replace('_', '-')} applies to --noise auto, and the noise is named: "
                "leave it out"
            )
    by, scale = choice.noise_by, choice.noise_scale
    return GaussianFit(inputs, settings, choice.noise, choice.outputs, device, by, scale)


def takes_spectrum(noises: Sequence[float | Literal["auto"]]) -> bool:
    """Return whether noise variances take an eigendecomposition: several of them, or auto."""
    return len(noises) > 1 or AUTO in noises


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


def check_memory(
    records: int, with_path: bool, device: torch.device, alternative: str, more: int = 0
) -> None:
    """Check that the kernel matrix of some records, its inverse and ``more`` fit into memory.

    Raises:
        ImprintError: they do not; the message says how many records do.
    """
    matrices = MATRICES + (PATH_MATRICES if with_path else 0) + more
    needed, free = matrices * 8 * records**2, free_memory(device)
    if free is not None and needed > free:
        fits = int((free / (8 * matrices)) ** 0.5)
        raise ImprintError(
            f"{records:,} records need {needed / 1e9:,.1f} GB for their kernel matrix and its "
            f"inverse, and {free / 1e9:,.1f} GB are free: choose {alternative}--records {fits} or "
            "fewer"
        )
