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
from imprint.data.axis_order import FIRST, LAST, Order, channel_order
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.leave_one_out.kernels.choice import chosen_kernel
from imprint.lenses.leave_one_out.kernels.pixels import ImageKernel
from imprint.lenses.leave_one_out.posterior.options import KernelChoice, LeaveOneOutChoice
from imprint.study.fingerprint import Fingerprint, array_digests, fingerprint_of
from imprint.study.hashing import hash_arrays
from imprint.study.npz import Arrays, numbers, read_npz

LARGEST_CLASS = 2**53


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
        given: ``[n, ...]``, the bytes by which records are the same.
        pixels: how images were scaled; None for arrays.
        axes: of images, in the file or as they are read; None where inputs are rows of numbers.
    """

    index: IntArray
    values: FloatArray
    labels: IntArray
    classes: tuple[str, ...]
    given: NDArray[Any]
    pixels: Pixels | None = None
    axes: ImageAxes | None = None

    def hash(self) -> Fingerprint:
        """Return a hash of all that a fit depends on."""
        names = [f"record {index}" for index in self.index.tolist()]
        digests = array_digests(self.values)
        return fingerprint_of(self.classes, names, digests, self.labels, None)


def read_arrays(file: Path) -> Arrays:
    """Return ``x [n, ...]``, ``y [n]`` and, if there, ``queries [q, ...]``, ``query_labels [q]``.

    Raises:
        ImprintError: a missing or unknown name, or ``x`` is not floating-point.
    """
    arrays = read_npz(file, ("x", "y"), ("queries", "query_labels"))
    if "query_labels" in arrays and "queries" not in arrays:
        raise ImprintError(f"{file} has query_labels but no queries: give both")
    for name in ("x", "queries"):
        if name in arrays:
            arrays[name] = floating(file, name, arrays[name])
    return arrays


def floating(file: Path, name: str, array: NDArray[Any]) -> FloatArray:
    """Return an array of inputs in float64.

    Raises:
        ImprintError: it has no two axes, is empty, not floating-point or not finite.
    """
    if array.dtype.kind != "f":
        raise ImprintError(
            f"{file}: {name} holds {array.dtype}, and kernels depend on the scale: save it as "
            "floats on the scale that networks see, pixels divided by 255 for instance"
        )
    if array.ndim < 2 or not array.size:
        raise ImprintError(
            f"{file}: {name} has shape {list(array.shape)}: give one row a record, none empty"
        )
    return numbers(file, name, array)


def inputs_from_arrays(
    file: Path,
    arrays: Arrays,
    choice: LeaveOneOutChoice,
    seed: int,
    channels: Order | None = None,
) -> Inputs:
    """Return the records of a file that are fitted, images as ``[n, C, H, W]``.

    Args:
        file: named in errors.
        arrays: ``x`` and ``y``.
        choice: kernel and number of records.
        seed: of the draw.
        channels: where ``x`` has them, if the user says.

    Raises:
        ImprintError: shapes or labels that do not fit, or too few records or classes.
    """
    x, y = arrays["x"], numbers(file, "y", arrays["y"])
    axes = image_axes(file, x, choice, channels)
    x = x if axes is None else channels_first(x, axes)
    if y.shape != (len(x),):
        raise ImprintError(
            f"{file}: y has shape {list(y.shape)}, expected [{len(x)}]: one class a record of x"
        )
    if (y != y.round()).any():
        row = int(np.flatnonzero(y != y.round())[0])
        raise ImprintError(f"{file}: y[{row}] is {y[row]:g}: give classes as whole numbers")
    _check_classes(file, "y", y)
    index = chosen(len(x), choice.records, seed)
    found, labels = np.unique(y[index].astype(np.int64), return_inverse=True)
    _check(str(file), len(index), len(found))
    return Inputs(
        index, x[index], labels.astype(np.int64), tuple(map(str, found)), x[index], axes=axes
    )


def inputs_from_images(
    images: ImageSet, index: IntArray, choice: LeaveOneOutChoice, seed: int
) -> Inputs:
    """Return some images, their centre squares resampled and scaled.

    Args:
        images: the set.
        index: int64 ``[m]``, candidates, of which ``choice.records`` are drawn.
        choice: side, scaling and number of records.
        seed: of the draw.

    Raises:
        ImprintError: too few images or classes.
    """
    if choice.input_size < 1:
        raise ImprintError(f"--input-size is {choice.input_size}: it must be at least 1 pixel")
    index = index[chosen(len(index), choice.records, seed)]
    found, labels = np.unique(images.labels[index], return_inverse=True)
    _check(images.name, len(index), len(found))
    whole = View(images, index).read(choice.input_size).pixels
    unit = whole / 255.0
    pixels = _pixels(unit, choice.scaling)
    names = tuple(images.classes[label] for label in found)
    axes = ImageAxes(FIRST, True, whole.shape[1:])
    return Inputs(index, pixels.scaled(unit), labels.astype(np.int64), names, whole, pixels, axes)


@dataclass(frozen=True, eq=False)
class Queries:
    """What every model with a record less is asked about.

    Attributes:
        values: float64 ``[q, ...]``, as the kernel takes them.
        labels: int64 ``[q]``, positions in the classes of the fit; None where they are not known.
    """

    values: FloatArray
    labels: IntArray | None = None

    def hashes(self) -> dict[str, str]:
        """Return a hash of the queries, and of their classes where they are known, for cards."""
        found = {"queries": hash_arrays(self.values)}
        return found if self.labels is None else found | {"query_labels": hash_arrays(self.labels)}


def queries_from(
    inputs: Inputs,
    file: Path,
    arrays: Arrays,
    names: tuple[str, str] = ("queries", "query_labels"),
) -> Queries:
    """Return the queries of a file, with their classes if it has them.

    Args:
        inputs: the records of the fit.
        file: named in errors.
        arrays: ``queries`` and, if there, ``query_labels [q]``: classes as ``y`` has them, or, of
            images, positions in the classes of the fit.
        names: of the two arrays.

    Raises:
        ImprintError: shapes, numbers or classes that do not fit the records.
    """
    asked, classes = names
    values = queries_like(inputs, file, arrays[asked], asked)
    if classes not in arrays:
        return Queries(values)
    given = numbers(file, classes, arrays[classes])
    if given.shape != (len(values),):
        raise ImprintError(
            f"{file}: {classes} has shape {list(given.shape)}, expected [{len(values)}]: one "
            f"class a row of {asked}"
        )
    named = list(inputs.classes)
    if inputs.pixels is not None:
        named = [str(place) for place in range(len(named))]
    places = {name: place for place, name in enumerate(named)}
    _check_classes(file, classes, given)
    words = [f"{label:.0f}" if label == label.round() else f"{label:g}" for label in given]
    for row, label in enumerate(words):
        if label not in places:
            raise ImprintError(
                f"{file}: {classes}[{row}] is {label}, none of the classes of the records: "
                f"{', '.join(named)}"
            )
    return Queries(values, np.array([places[label] for label in words], dtype=np.int64))


def queries_like(
    inputs: Inputs, file: Path, queries: NDArray[Any], name: str = "queries"
) -> FloatArray:
    """Return queries as inputs of the same kernel, float64 ``[q, ...]``.

    Of images: uint8, or floats from 0 to 1, on which the fit's own scaling is applied; channels
    first or last.

    Raises:
        ImprintError: another shape than that of the records, or numbers that will not do.
    """
    if inputs.pixels is not None and queries.dtype == np.uint8:
        queries = queries / 255.0
    values = floating(file, name, queries)
    if inputs.axes is not None:
        values = channels_first(values, inputs.axes)
    if values.shape[1:] != inputs.values.shape[1:]:
        raise ImprintError(
            f"{file}: {name} is of shape {list(values.shape[1:])}, but the records of "
            f"{list(inputs.values.shape[1:])}"
        )
    if inputs.pixels is None:
        return values
    if values.min() < 0 or values.max() > 1:
        raise ImprintError(
            f"{file}: {name} runs from {values.min():g} to {values.max():g}: give pixels as uint8 "
            "or from 0 to 1, they are scaled like the fitted images"
        )
    return inputs.pixels.scaled(values)


def chosen(count: int, records: int, seed: int) -> IntArray:
    """Return which of ``count`` records are fitted, rising; 0 takes all.

    Raises:
        ImprintError: a negative number of records.
    """
    if records < 0:
        raise ImprintError(f"--records is {records}: it must not be negative")
    order = generator(seed, "leave-one-out records").permutation(count)
    return np.sort(order[: records or count]).astype(np.int64)


def _check(where: str, records: int, classes: int) -> None:
    if records < 2:
        raise ImprintError(
            f"{where}: {records} record leaves nothing to predict it from: give at least 2"
        )
    if classes < 2:
        raise ImprintError(
            f"{where}: all {records} records are of one class: give records of at least 2 classes"
        )


def _check_classes(file: Path, name: str, labels: FloatArray) -> None:
    large = np.flatnonzero(np.abs(labels) >= LARGEST_CLASS)
    if len(large):
        raise ImprintError(
            f"{file}: {name}[{large[0]}] is {labels[large[0]]:g}: number classes below 2^53, "
            "larger numbers are not told apart"
        )


def _pixels(unit: FloatArray, scaling: str) -> Pixels:
    channels = unit.shape[1]
    if scaling == "unit":
        return Pixels(np.zeros(channels), np.ones(channels))
    mean, deviation = unit.mean((0, 2, 3)), unit.std((0, 2, 3))
    # A channel that never varies tells nothing, but its rounding would, divided by itself.
    varies = unit.max((0, 2, 3)) > unit.min((0, 2, 3))
    return Pixels(mean, np.where(varies, deviation, 1.0))


def _by_channel(values: FloatArray) -> FloatArray:
    return values[:, None, None]


@dataclass(frozen=True)
class ImageAxes:
    """What the axes of an array of images are.

    Attributes:
        order: where the file has the channels.
        recognised: whether the shape told, and not the user.
        shape: C, H, W.
    """

    order: Order
    recognised: bool
    shape: tuple[int, int, int]

    def __str__(self) -> str:
        channels, height, width = self.shape
        how = "recognised by the shape" if self.recognised else "by --channels"
        return f"{channels} × {height} × {width}, channels {self.order} ({how})"


def image_axes(
    file: Path, x: FloatArray, choice: KernelChoice, channels: Order | None
) -> ImageAxes | None:
    """Return the axes of ``x``; None where the kernel takes no images.

    Args:
        file: named in errors.
        x: inputs ``[n, ...]``.
        choice: of the kernel.
        channels: what the user says, if anything.

    Raises:
        ImprintError: the shape does not tell and the user does not say, or the user says what means
            nothing here.
    """
    if not isinstance(chosen_kernel(choice), ImageKernel):
        if channels is not None:
            raise ImprintError(
                f"--channels means nothing to kernel {choice.kernel}, which takes inputs as rows "
                "of numbers: leave it out"
            )
        return None
    shown = list(x.shape)
    if x.ndim != 4:
        raise ImprintError(
            f"{file}: x has shape {shown}, but kernel {choice.kernel} takes images: save it as "
            "[n, C, H, W] or [n, H, W, C]"
        )
    order = channels or channel_order(x.shape)
    if order is None:
        raise ImprintError(
            f"{file}: x has shape {shown}, images of {shown[1]} channels if these come first and "
            f"of {shown[3]} if last: say --channels first or --channels last"
        )
    _, first, second, third = x.shape
    shape = (third, first, second) if order == LAST else (first, second, third)
    return ImageAxes(order, channels is None, shape)


def channels_first(values: FloatArray, axes: ImageAxes) -> FloatArray:
    """Return images ``[n, C, H, W]`` of values in either order.

    The records' shape tells; where it fits both orders, that of the records' file holds. Other
    shapes are returned as they are.
    """
    channels, height, width = axes.shape
    last = (height, width, channels)
    if values.shape[1:] == last and (axes.order == LAST or last != axes.shape):
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2))
    return values
