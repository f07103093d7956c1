"""What a leave-one-out fit takes: inputs in float64 and classes, from arrays or from images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.data.axis_order import FIRST, Order
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.leave_one_out.options import LeaveOneOutChoice, TargetKind
from imprint.lenses.leave_one_out.posterior.target_units import TargetUnits
from imprint.lenses.leave_one_out.study.axes import ImageAxes, channels_first, image_axes
from imprint.study.array_file import array
from imprint.study.fingerprint import Fingerprint, array_digests, fingerprint_of
from imprint.study.hashing import hash_arrays

SCALE = "kernels depend on the scale, so give floats as networks see them, such as pixels / 255"


@dataclass(frozen=True, kw_only=True, eq=False)
class RecordArrays:
    """A file of records."""

    x: FloatArray = array("n ...", "inputs of the records", kind="float", remedy=SCALE)
    y: IntArray = array("n", "classes of the records", kind="whole")
    queries: FloatArray | None = array(
        "q ...", "further inputs", kind="float", optional=True, remedy=SCALE
    )
    query_labels: IntArray | None = array(
        "q", "classes of the queries", kind="whole", optional=True, needs=("queries",)
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class QueryArrays:
    """A file of queries."""

    queries: NDArray[Any] = array("q ...", "inputs; of images uint8 or from 0 to 1", dtype=None)
    query_labels: IntArray | None = array(
        "q", "their classes; of images positions in those of the fit", kind="whole", optional=True
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class AddedArrays:
    """A file of records that a fit lacks."""

    x: NDArray[Any] = array("m ...", "inputs; of images uint8 or from 0 to 1", dtype=None)
    y: IntArray = array("m", "their classes; of images positions in those of the fit", kind="whole")


@dataclass(frozen=True, eq=False)
class Pixels:
    """How pixels become inputs: divided by 255, less a mean, over a deviation, channel by channel.

    The numbers are those of all fitted images and stay when one is left out, so that all models
    share one kernel matrix.

    Attributes:
        mean: float64 ``[C]``.
        deviation: float64 ``[C]``.
    """

    mean: FloatArray
    deviation: FloatArray

    def scaled(self, unit: FloatArray) -> FloatArray:
        """Return images ``[n, C, H, W]`` with pixels from 0 to 1 as inputs, float64."""
        scaled: FloatArray = (unit - _by_channel(self.mean)) / _by_channel(self.deviation)
        return scaled

    def unit(self, scaled: FloatArray) -> FloatArray:
        """Return inputs ``[..., C, H, W]`` as pixels: of images, from 0 to 1."""
        unit: FloatArray = scaled * _by_channel(self.deviation) + _by_channel(self.mean)
        return unit


@dataclass(frozen=True, eq=False)
class Inputs:
    """The records of a fit.

    Attributes:
        index: int64 ``[n]``, rows of the file or indices of the images, rising.
        values: float64 ``[n, ...]``, as the kernel takes them.
        labels: int64 ``[n]``, positions in ``classes``.
        classes: names of the classes that occur.
        raw: ``[n, ...]``, whose bytes say which records are copies.
        pixels: how images were scaled; None for arrays.
        axes: of images, in the file or as they are read; None where inputs are rows of numbers.
        targets: float64 ``[n, c]``, of labels or real values; None for classes.
        kind: what the targets are.
        units: of real values; None where targets are fitted as they are.
    """

    index: IntArray
    values: FloatArray
    labels: IntArray
    classes: tuple[str, ...]
    raw: NDArray[Any]
    pixels: Pixels | None = None
    axes: ImageAxes | None = None
    targets: FloatArray | None = None
    kind: TargetKind = "classes"
    units: TargetUnits | None = None

    def fingerprint(self) -> Fingerprint:
        """Return a hash of all that a fit depends on."""
        names = [f"record {index}" for index in self.index.tolist()]
        digests = array_digests(self.values)
        scaling = self.pixels and (self.pixels.mean.tolist(), self.pixels.deviation.tolist())
        facts: tuple[Any, ...] = (self.classes, self.values.shape[1:], scaling)
        if self.targets is not None:
            facts = (*facts, self.kind, hash_arrays(self.targets))
        if self.units is not None:
            facts = (*facts, hash_arrays(self.units.centre, self.units.scale))
        return fingerprint_of(facts, names, digests, self.labels, None)


@dataclass(frozen=True, eq=False)
class Queries:
    """Further inputs, at which every model with a record less is evaluated.

    Attributes:
        queries: float64 ``[q, ...]``, as the kernel takes them.
        labels: int64 ``[q]``, positions in the classes of the fit; None where they are not known.
        targets: real values as fitted, float64 ``[q, c]``; None where they are not known.
    """

    queries: FloatArray
    labels: IntArray | None = None
    targets: FloatArray | None = None


def inputs_from_arrays(
    file: Path,
    arrays: RecordArrays,
    choice: LeaveOneOutChoice,
    seed: int,
    channels: Order | None = None,
    rows: IntArray | None = None,
    named: NDArray[Any] | None = None,
) -> Inputs:
    """Return the records of a file that are fitted, images as ``[n, C, H, W]``.

    Args:
        file: named in errors.
        arrays: of it.
        choice: kernel and number of records.
        seed: of the draw.
        channels: where ``x`` has them, if the user says.
        rows: int64, those that are fitted, rising; drawn by ``choice`` where None.
        named: classes that targets have columns for, rising; those that occur where None.

    Raises:
        ImprintError: images in an unknown order, or too few records or classes.
    """
    axes = image_axes(file, arrays.x, choice.kernel, channels)
    x = arrays.x if axes is None else channels_first(arrays.x, axes)
    index = draw_records(len(x), choice.records, seed) if rows is None else rows
    classes = np.unique(arrays.y[index]) if named is None else named
    labels = np.searchsorted(classes, arrays.y[index])
    check_counts(str(file), len(index), len(classes))
    names = tuple(map(str, classes))
    return Inputs(index, x[index], labels.astype(np.int64), names, x[index], axes=axes)


def inputs_from_images(
    images: ImageSet,
    index: IntArray,
    choice: LeaveOneOutChoice,
    seed: int,
    named: IntArray | None = None,
) -> Inputs:
    """Return some images, their centre squares resampled and scaled.

    Args:
        images: the set.
        index: int64 ``[m]``, candidates, of which ``choice.records`` are drawn.
        choice: side, scaling and number of records.
        seed: of the draw.
        named: classes that targets have columns for, rising; those that occur where None.

    Raises:
        ImprintError: too few images or classes.
    """
    index = index[draw_records(len(index), choice.records, seed)]
    classes = np.unique(images.labels[index]) if named is None else named
    labels = np.searchsorted(classes, images.labels[index])
    check_counts(images.name, len(index), len(classes))
    whole = View(images, index).read(choice.input_size).pixels
    unit = whole / 255.0
    pixels = _pixels(unit, choice.scaling)
    names = tuple(images.classes[label] for label in classes)
    axes = ImageAxes(FIRST, True, whole.shape[1:])
    return Inputs(index, pixels.scaled(unit), labels.astype(np.int64), names, whole, pixels, axes)


def queries_like(
    inputs: Inputs,
    file: Path,
    values: NDArray[Any],
    labels: IntArray | None,
    names: tuple[str, str] = ("queries", "query_labels"),
) -> Queries:
    """Return queries as inputs of the same kernel.

    Of images: uint8, or floats from 0 to 1, to which the fit's own scaling is applied; channels
    first or last.

    Args:
        inputs: the records of the fit.
        file: named in errors.
        values: ``[q, ...]``.
        labels: ``[q]``, classes as ``y`` has them, or, of images, positions in the classes of the
            fit; None where they are not known.
        names: of the two arrays in the file.

    Raises:
        ImprintError: another shape than that of the records, another type or range of numbers, or
            a class that no record has.
    """
    name = names[0]
    if inputs.pixels is not None and values.dtype == np.uint8:
        values = values / 255.0
    if values.dtype.kind != "f":
        raise ImprintError(f"{file}: {name} holds {values.dtype}: {SCALE}")
    values = values.astype(np.float64)
    if inputs.axes is not None:
        values = channels_first(values, inputs.axes)
    if values.shape[1:] != inputs.values.shape[1:]:
        raise ImprintError(
            f"{file}: {name} is of shape {list(values.shape[1:])}, but the records of "
            f"{list(inputs.values.shape[1:])}"
        )
    if inputs.pixels is not None:
        if values.min() < 0 or values.max() > 1:
            raise ImprintError(
                f"{file}: {name} runs from {values.min():g} to {values.max():g}: give pixels as "
                "uint8 or from 0 to 1, they are scaled like the fitted images"
            )
        values = inputs.pixels.scaled(values)
    return Queries(values, None if labels is None else positions(inputs, file, labels, names[1]))


def draw_records(count: int, records: int, seed: int) -> IntArray:
    """Return which of ``count`` records are fitted, rising; 0 takes all."""
    order = generator(seed, "leave-one-out records").permutation(count)
    return np.sort(order[: records or count]).astype(np.int64)


def positions(inputs: Inputs, file: Path, labels: IntArray, name: str) -> IntArray:
    """Return classes as positions in those of the fit.

    Raises:
        ImprintError: a class that no record has.
    """
    classes = list(inputs.classes)
    if inputs.pixels is not None:
        classes = [str(place) for place in range(len(classes))]
    places = {name: place for place, name in enumerate(classes)}
    words = [str(label) for label in labels.tolist()]
    for row, label in enumerate(words):
        if label not in places:
            raise ImprintError(
                f"{file}: {name}[{row}] is {label}, not one of the classes of the records: "
                f"{', '.join(classes)}"
            )
    return np.array([places[label] for label in words], dtype=np.int64)


def check_counts(where: str, records: int, classes: int) -> None:
    """Check that there is something to predict, and something to predict it from.

    Raises:
        ImprintError: fewer than 2 records or classes.
    """
    if records < 2:
        raise ImprintError(
            f"{where}: {records} record leaves nothing to predict it from: give at least 2"
        )
    if classes < 2:
        raise ImprintError(
            f"{where}: all {records} records are of one class: give records of at least 2 classes"
        )


def _pixels(unit: FloatArray, scaling: str) -> Pixels:
    channels = unit.shape[1]
    if scaling == "unit":
        return Pixels(np.zeros(channels), np.ones(channels))
    return pixels_of(unit)


def pixels_of(unit: FloatArray) -> Pixels:
    """Return the scaling that gives each channel of images mean 0 and variance 1.

    Args:
        unit: ``[n, C, H, W]``, from 0 to 1.
    """
    mean, deviation = unit.mean((0, 2, 3)), unit.std((0, 2, 3))
    # A constant channel holds no information, but its rounding would, divided by itself.
    varies = unit.max((0, 2, 3)) > unit.min((0, 2, 3))
    return Pixels(mean, np.where(varies, deviation, 1.0))


def _by_channel(values: FloatArray) -> FloatArray:
    return values[:, None, None]
