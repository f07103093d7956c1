"""Records that a fit lacks, from which those to remove are drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.data.choice import EMBEDDED, open_choice
from imprint.data.files import usable_indices
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.leave_one_out.options import RecordOptions
from imprint.lenses.leave_one_out.study.axes import channels_first
from imprint.lenses.leave_one_out.study.inputs import Inputs, RecordArrays
from imprint.study.array_file import read_array_file

OF_ARRAYS = "queries"


@dataclass(frozen=True, eq=False)
class Pool:
    """Candidates of the classes of a fit.

    Attributes:
        name: for messages.
        index: int64 ``[p]``, in their own set.
        labels: int64 ``[p]``, positions in the classes of the fit.
        images: they are from; None for arrays.
        values: of arrays, ``[p, ...]``.
        side: to which images are resampled.
    """

    name: str
    index: IntArray
    labels: IntArray
    images: ImageSet | None = None
    values: FloatArray | None = None
    side: int = 32

    def raw(self, place: int) -> NDArray[Any]:
        """Return the numbers whose bytes say whether a candidate is a copy."""
        row: NDArray[Any] = self._read(np.array([place]))[0]
        return row

    def inputs(self, places: IntArray, fitted: Inputs) -> Inputs:
        """Return candidates as inputs of the kernel of a fit."""
        raw = self._read(places)
        values = raw if fitted.pixels is None else fitted.pixels.scaled(raw / 255.0)
        return replace(
            fitted, index=self.index[places], values=values, labels=self.labels[places], raw=raw
        )

    def _read(self, places: IntArray) -> NDArray[Any]:
        if self.values is not None:
            return self.values[places]
        assert self.images is not None
        return View(self.images, self.index[places]).read(self.side).pixels


def open_pool(options: RecordOptions, part: str, inputs: Inputs) -> Pool:
    """Return the records of the same classes that a fit did not take, or those of another part.

    Raises:
        ImprintError: there is no such part.
    """
    if options.arrays is not None:
        return _array_pool(options, part, inputs)
    if part and options.data == EMBEDDED:
        raise ImprintError("--removed-part: the embedded set has no other part: leave it out")
    images = open_choice(replace(options, part=part) if part else options, options.seed)
    index = usable_indices(images)
    if not part:
        index = np.setdiff1d(index, inputs.index)
    places = {name: place for place, name in enumerate(inputs.classes)}
    positions = np.array([places.get(name, -1) for name in images.classes], dtype=np.int64)
    labels = positions[images.labels[index]]
    name = f"{images.name}, {part}" if part else f"{images.name} beside the fit"
    return Pool(name, index[labels >= 0], labels[labels >= 0], images, side=options.input_size)


def _array_pool(options: RecordOptions, part: str, inputs: Inputs) -> Pool:
    assert options.arrays is not None
    arrays = read_array_file(RecordArrays, options.arrays)
    if part not in ("", OF_ARRAYS):
        raise ImprintError(f"--removed-part of --arrays is {OF_ARRAYS}, not {part!r}")
    x, y, index = arrays.x, arrays.y, np.setdiff1d(np.arange(len(arrays.x)), inputs.index)
    if part:
        if arrays.queries is None or arrays.query_labels is None:
            raise ImprintError(
                f"{options.arrays}: --removed-part queries needs queries and query_labels"
            )
        x, y, index = arrays.queries, arrays.query_labels, np.arange(len(arrays.queries))
    values = x[index]
    if inputs.axes is not None:
        values = channels_first(values, inputs.axes)
    places = {name: place for place, name in enumerate(inputs.classes)}
    labels = np.array([places.get(str(label), -1) for label in y[index].tolist()], dtype=np.int64)
    known = labels >= 0
    return Pool(options.arrays.name, index[known], labels[known], values=values[known])


def noise_pool(inputs: Inputs, labels: IntArray, seed: int) -> Inputs:
    """Return one input of uniform noise per label: whole pixels, or numbers between the extremes.

    Args:
        inputs: the records of the fit.
        labels: int64 ``[m]``.
        seed: of the noise.
    """
    shape = inputs.values.shape[1:]
    index = np.arange(len(labels), dtype=np.int64)
    drawn = [generator(seed, "noise record", row) for row in index.tolist()]
    if inputs.pixels is None:
        low, high = float(inputs.values.min()), float(inputs.values.max())
        raw = np.stack([random.uniform(low, high, shape) for random in drawn])
        return replace(inputs, index=index, values=raw, labels=labels, raw=raw)
    raw = np.stack([random.integers(0, 256, shape, dtype=np.uint8) for random in drawn])
    values = inputs.pixels.scaled(raw / 255.0)
    return replace(inputs, index=index, values=values, labels=labels, raw=raw)
