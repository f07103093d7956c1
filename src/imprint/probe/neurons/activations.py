"""Activations: one pass over the images, for criteria on the way, for a table, or for both.

The table is a folder: ``values.npy`` ``[n, neurons]``, read as a memory map (copy on write),
``inputs.parquet`` (index, label, and prediction where there is a classifier) and ``layers.json``.
Whatever is asked of a data set afterwards is arithmetic on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.nets.image_model import ImageModel
from imprint.neurons.activations import ActivationTable, Batch, Layers
from imprint.probe.neurons.neurons import Taps
from imprint.probe.neurons.tap_options import TapOptions
from imprint.probe.signals.precision import full_float32
from imprint.reading.regular import check_regular
from imprint.study.json_io import read_json, write_json
from imprint.study.tables import join_columns, read_table, write_table

Storage = Literal["float32", "float16"]
BATCH = 256
"""Images at a time."""
VALUES, INPUTS, LAYERS = "values.npy", "inputs.parquet", "layers.json"


@dataclass(frozen=True, eq=False)
class Seen:
    """What a network made of some images.

    Attributes:
        batch: activations with the given classes, on the device.
        predictions: int64 ``[b]``, the class the network names; None of one without logits.
    """

    batch: Batch
    predictions: Tensor | None


def watch(
    model: ImageModel,
    view: View,
    options: TapOptions,
    what: str,
    batch_size: int = BATCH,
) -> Iterator[Seen]:
    """Yield what a network makes of some images, in order, batch by batch.

    Args:
        model: on its device; put in evaluation mode here.
        view: which images.
        options: which layers, and what a neuron is.
        what: a few words for the progress bar.
        batch_size: images at a time.

    Raises:
        ImprintError: an image that cannot be read, or an activation that is not finite.
    """
    model.place(model.device).eval()
    with Taps(model, options) as taps, full_float32(model.device):
        for rows, pixels in view.batches(model.input_size, batch_size, what):
            labels = torch.from_numpy(view.labels[rows]).to(model.device)
            with torch.no_grad():
                outputs = model(model.to_inputs(pixels))
                batch = taps.take(labels)
                predictions = outputs.argmax(1) if model.has_logits else None
            _check_finite(batch, view.images, view.index[rows])
            yield Seen(batch, predictions)


def write_activations(
    folder: Path,
    model: ImageModel,
    view: View,
    options: TapOptions,
    what: str,
    storage: Storage = "float32",
    batch_size: int = BATCH,
) -> None:
    """Write the activations of some images into a new folder; see :func:`watch`.

    Args:
        folder: to be made; the step of a study renames it when it is complete.
        model: the network.
        view: which images.
        options: which layers, and what a neuron is.
        what: a few words for the progress bar.
        storage: of the values; float16 is half as large, and keeps three digits.
        batch_size: images at a time.

    Raises:
        ImprintError: also for an activation that float16 cannot hold.
    """
    folder.mkdir(exist_ok=True)
    values: NDArray[np.float32] | None = None
    layers: Layers | None = None
    predictions: list[NDArray[np.int64]] = []
    start = 0
    for seen in watch(model, view, options, what, batch_size):
        rows = seen.batch.values.cpu().numpy()
        if values is None:
            layers = seen.batch.layers
            shape = (len(view), layers.neurons)
            values = open_memmap(folder / VALUES, mode="w+", dtype=storage, shape=shape)
        if storage == "float16":
            _check_range(rows, seen.batch.layers)
        values[start : start + len(rows)] = rows
        start += len(rows)
        if seen.predictions is not None:
            predictions.append(seen.predictions.cpu().numpy())
    if values is None or layers is None:
        raise ImprintError(f"{what}: there are no images")
    values.flush()  # type: ignore[attr-defined]  # a memory map, which numpy types as an array
    columns = {"index": view.index, "label": view.labels}
    if predictions:
        columns["prediction"] = np.concatenate(predictions)
    write_table(folder / INPUTS, columns)
    write_json(
        folder / LAYERS, {"names": layers.names, "widths": layers.widths, "kinds": layers.kinds}
    )


def join_activations(folder: Path, parts: Sequence[Path]) -> None:
    """Write the activations in some folders as one: the folder that one pass would have written.

    Args:
        folder: to be made.
        parts: of :func:`write_activations`, of one network and different images, in order.

    Raises:
        ImprintError: a part is missing or damaged.
    """
    folder.mkdir(exist_ok=True)
    tables = [read_activations(part) for part in parts]
    first = tables[0]
    shape = (sum(len(table) for table in tables), first.layers.neurons)
    values = open_memmap(folder / VALUES, mode="w+", dtype=first.values.dtype, shape=shape)
    start = 0
    for table in tables:
        for block in range(0, len(table), BATCH):
            rows = table.values[block : block + BATCH]
            values[start : start + len(rows)] = rows
            start += len(rows)
    values.flush()
    write_table(folder / INPUTS, join_columns([read_table(part / INPUTS) for part in parts]))
    write_json(folder / LAYERS, read_json(parts[0] / LAYERS))


def take_activations(
    model: ImageModel, view: View, options: TapOptions, what: str = "take activations"
) -> ActivationTable:
    """Return the activations of a model on some images, in memory; see :func:`watch`.

    Raises:
        ImprintError: there are no images, or as :func:`watch`.
    """
    seen = list(watch(model, view, options, what))
    if not seen:
        raise ImprintError(f"{what}: there are no images")
    values = torch.cat([each.batch.values.cpu() for each in seen]).numpy()
    predictions = [each.predictions.cpu().numpy() for each in seen if each.predictions is not None]
    return ActivationTable(
        seen[0].batch.layers,
        values,
        view.labels,
        view.index,
        np.concatenate(predictions) if predictions else None,
    )


def read_activations(folder: Path) -> ActivationTable:
    """Return the table that :func:`write_activations` wrote; values stay on the disk.

    Raises:
        ImprintError: no such table, or a damaged one.
    """
    try:
        check_regular(folder / VALUES)
        stored = np.load(folder / VALUES, mmap_mode="c", allow_pickle=False)
    except Exception as error:  # the header is an expression, and may be any
        raise ImprintError(
            f"no activations in {folder} ({error}): delete the folder and run again"
        ) from error
    description: Any = read_json(folder / LAYERS)
    columns = {name: column.copy() for name, column in read_table(folder / INPUTS).items()}
    values = cast("NDArray[np.float32]", stored)
    try:
        layers = Layers(*(tuple(description[key]) for key in ("names", "widths", "kinds")))
        if values.shape != (len(columns["index"]), layers.neurons) or values.dtype.kind != "f":
            raise ValueError(f"values are {values.dtype} {list(values.shape)}")
        return ActivationTable(
            layers, values, columns["label"], columns["index"], columns.get("prediction")
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ImprintError(f"{folder} is damaged ({error}): delete it and run again") from error


def only_correct(table: ActivationTable) -> ActivationTable:
    """Return the inputs whose class the network names, in memory.

    Raises:
        ImprintError: classes or predictions are unknown, or none is right.
    """
    if table.labels is None or table.predictions is None:
        raise ImprintError(
            "which inputs are classified correctly is known of a classifier on labelled inputs "
            "alone: choose --correct-only none"
        )
    right = np.flatnonzero(table.labels == table.predictions)
    if not len(right):
        raise ImprintError("the network names no class correctly: choose --correct-only none")
    return rows_of(table, right)


def rows_of(table: ActivationTable, rows: NDArray[np.int64]) -> ActivationTable:
    """Return some inputs of a table, in memory."""

    def some(column: NDArray[np.int64] | None) -> NDArray[np.int64] | None:
        return None if column is None else column[rows]

    return ActivationTable(
        table.layers,
        cast("NDArray[np.float32]", table.values[rows]),
        some(table.labels),
        some(table.index),
        some(table.predictions),
        table.facts,
    )


def _check_finite(batch: Batch, images: ImageSet, indices: Sequence[int] | IntArray) -> None:
    if bool(torch.isfinite(batch.values).all()):
        return
    row, column = torch.nonzero(~torch.isfinite(batch.values))[0].tolist()
    raise ImprintError(
        f"an activation of layer {_layer_at(batch.layers, column)} is not finite for "
        f"{images.name_of(int(indices[row]))}: check the weights and the normalisation"
    )


def _check_range(values: NDArray[np.float32], layers: Layers) -> None:
    largest = float(np.finfo(np.float16).max)
    beyond = np.flatnonzero((np.abs(values) > largest).any(axis=0))
    if len(beyond):
        raise ImprintError(
            f"an activation of layer {_layer_at(layers, int(beyond[0]))} is beyond {largest:g}, "
            "the largest that float16 holds: choose --storage float32"
        )


def _layer_at(layers: Layers, column: int) -> str:
    return next(name for name, part in layers.slices.items() if column < part.stop)
