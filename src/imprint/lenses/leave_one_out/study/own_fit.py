"""Closed-form leave-one-out of the members of a user's model, under kernels of its kind.

The kernel compares the model's own penultimate features: a Gaussian process on them is the
posterior of a model that keeps its features and learns its last layer anew. Of vectors and images
the limit of infinite width of the network's family is fitted as well, which knows the inputs alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.data.records.records import Records
from imprint.lenses.leave_one_out.column_meanings import write_meant
from imprint.lenses.leave_one_out.findings import FitFindings, KernelSettings
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.posterior.target_units import TargetUnits
from imprint.lenses.leave_one_out.posterior.target_units import (
    standardised as standardised_targets,
)
from imprint.lenses.leave_one_out.posterior.targets import signed_labels
from imprint.lenses.leave_one_out.study.conclude import FindingStep
from imprint.lenses.leave_one_out.study.dense import RECORDS, leave_one_out, report_fit
from imprint.lenses.leave_one_out.study.fitted import GaussianFit
from imprint.lenses.leave_one_out.study.inputs import Inputs
from imprint.study.counted import uncounted
from imprint.study.finding import write_finding

FEATURE_KERNEL: KernelSettings = {"name": "rbf", "gamma": 1.0}
FEATURES_IN_WORDS = "penultimate features of the model, each with mean 0 and variance 1"
INPUTS_IN_WORDS = "inputs, each with mean 0 and variance 1"
PIXELS_IN_WORDS = "pixels, each channel with mean 0 and variance 1"
MOST_SIDE = 32
"""Side in pixels to which images are resampled for kernels of convolutions."""
MOST_DEPTH = 8
"""Hidden layers of a kernel: deeper ones tell records apart less and less."""
ACTIVATIONS = {
    nn.ReLU: "relu",
    nn.LeakyReLU: "leaky_relu",
    nn.GELU: "gelu",
    nn.SiLU: "silu",
    nn.Tanh: "tanh",
    nn.Sigmoid: "sigmoid",
    nn.ELU: "elu",
    nn.SELU: "selu",
    nn.Softplus: "softplus",
    nn.Mish: "mish",
}
"""Names of activation functions; of a leaky ReLU or an ELU with the usual number."""


@dataclass(frozen=True, eq=False)
class FitOfMembers(FindingStep[FitFindings]):
    """Write ``records.parquet`` and ``findings.json`` of one fit.

    Attributes:
        fit: members and kernel.
        words: what the kernel compares.
        folder: the artefact.
    """

    fit: GaussianFit
    words: str
    folder: str = uncounted(default="leave_one_out")

    kind = FitFindings

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Where the table goes."""
        return self.folder

    def build(self, path: Path) -> None:
        """Fit, and leave every record out."""
        path.mkdir(exist_ok=True)
        with one_thread_a_sum():
            columns, findings = leave_one_out(self.fit)
        write_meant(path / RECORDS, columns)
        write_finding(path / self.file, report_fit(replace(findings, inputs=self.words)))


def choose_members(records: Records, most: int, seed: int) -> IntArray:
    """Return rows of members, rising; drawn by the seed where there are more than ``most``."""
    order = generator(seed, "leave-one-out members").permutation(len(records))
    return np.sort(order[:most]).astype(np.int64)


def fit_features(records: Records, features: NDArray[np.float32], rows: IntArray) -> GaussianFit:
    """Return the fit of some records under the kernel of their features.

    Args:
        records: the members.
        features: of all of them, ``[n, d]``.
        rows: to be fitted.
    """
    return _fit(records, rows, standardised(features[rows]), FEATURE_KERNEL)


def fit_inputs(records: Records, rows: IntArray) -> GaussianFit:
    """Return the fit of some records under a kernel of their inputs, flattened."""
    values = records.inputs.read(rows).astype(np.float64).reshape(len(rows), -1)
    return _fit(records, rows, standardised(values), FEATURE_KERNEL)


def fit_family(records: Records, rows: IntArray, settings: KernelSettings) -> GaussianFit:
    """Return the fit of some records under the limit of the network's family."""
    values = records.inputs.read(rows).astype(np.float64)
    if values.ndim == 4:
        return _fit(records, rows, small_images(values), settings)
    return _fit(records, rows, standardised(values.reshape(len(rows), -1)), settings)


def family_of(network: nn.Module, records: Records) -> KernelSettings | None:
    """Return the kernel of infinite width of a network's kind; None where there is none.

    Convolutions on images, and fully connected layers on vectors: as deep as the network, and with
    its activation where all are the same known one.
    """
    shape, whole = records.inputs.shape, records.inputs.dtype.kind in "iu"
    parts = list(network.modules())
    convolutions = sum(isinstance(part, nn.Conv2d) for part in parts)
    linear = sum(isinstance(part, nn.Linear) for part in parts)
    known = {name for part in parts for kind, name in ACTIVATIONS.items() if isinstance(part, kind)}
    activation = known.pop() if len(known) == 1 else "relu"
    if len(shape) == 3 and convolutions:
        depth = min(convolutions, 3)
        return {"name": "conv", "activation": activation, "depth": depth, "window": 3}
    if len(shape) == 1 and not whole and linear:
        depth = max(1, min(linear - 1, MOST_DEPTH))
        return {"name": "fc", "activation": activation, "depth": depth}
    return None


def standardised(values: NDArray[np.floating]) -> FloatArray:
    """Return columns with mean 0 and variance 1, float64 ``[n, d]``; constant ones are left out.

    Raises:
        ImprintError: every column is constant, or a value is not finite.
    """
    columns = values.astype(np.float64)
    if not np.isfinite(columns).all():
        raise ImprintError("features or inputs of the members are not finite: check the model")
    varies = np.ptp(columns, axis=0) > 0
    if not varies.any():
        raise ImprintError("all members have the same features, so no kernel tells them apart")
    kept = columns[:, varies]
    scaled: FloatArray = (kept - kept.mean(0)) / kept.std(0)
    return scaled


def small_images(values: FloatArray) -> FloatArray:
    """Return images ``[n, C, H, W]`` of at most 32 pixels a side, channels standardised."""
    images = torch.from_numpy(values)
    side = max(images.shape[2:])
    if side > MOST_SIDE:
        size = [max(1, round(each * MOST_SIDE / side)) for each in images.shape[2:]]
        images = nn.functional.interpolate(
            images, size=size, mode="bilinear", antialias=True, align_corners=False
        )
    mean = images.mean((0, 2, 3), keepdim=True)
    spread = images.std((0, 2, 3), keepdim=True)
    scaled: FloatArray = ((images - mean) / spread.where(spread > 0, 1.0)).numpy()
    return scaled


def _fit(
    records: Records, rows: IntArray, values: FloatArray, settings: KernelSettings
) -> GaussianFit:
    """Return the fit at a noise variance of 0.1 of what the records' targets are."""
    targets, raw = records.targets, records.inputs.read(rows)
    assert targets is not None
    chosen = torch.from_numpy(np.asarray(targets)[rows])
    device = torch.device("cpu")
    if records.task == "classification":
        classes, labels = np.unique(chosen.numpy(), return_inverse=True)
        if len(classes) < 2:
            raise ImprintError(
                f"all {len(rows)} members are of one class, so there is nothing to predict"
            )
        names = tuple(
            records.classes[each] if each < len(records.classes) else str(each)
            for each in classes.tolist()
        )
        inputs = Inputs(rows, values, labels.astype(np.int64), names, raw)
        return GaussianFit(inputs, settings, (0.1,), "classes", device)
    nothing = np.zeros(len(rows), dtype=np.int64)
    several = records.task == "multi_label"
    units: TargetUnits | None = None
    if several:
        real = signed_labels(chosen).numpy()
    else:
        real, units = standardised_targets(chosen.numpy())
    names = tuple(records.classes) or tuple(f"output {each}" for each in range(real.shape[1]))
    inputs = Inputs(
        rows,
        values,
        nothing,
        names,
        raw,
        targets=real,
        kind="labels" if several else "values",
        units=units,
    )
    return GaussianFit(inputs, settings, (0.1,), "classes", device)
