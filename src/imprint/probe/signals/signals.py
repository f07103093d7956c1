"""Take signals: scores of each record by each model, all of them from one pass over the images.

Each batch is read once and shown to every model, under every augmentation. Every model is probed
in the same random directions (common random numbers), functions of the seed, the record, the
augmentation and the probe, so neither order nor batch size enters. Everything runs in full float32.

A table has one row per record: ``index``, then ``<signal>.<augmentation>`` by signal. With
:func:`imprint.study.tables.write_table` inside :meth:`imprint.study.store.Study.step`, one step a
model, an interrupted cohort goes on with the models that are missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.data.view import View
from imprint.nets.image_model import ImageModel
from imprint.probe.signals.augmented import augment, check_augmentations
from imprint.probe.signals.precision import check_precision, full_float32
from imprint.probe.signals.scorer import Classifier, Scorer, dtype_of, unit_scale
from imprint.probe.signals.signal import SIGNALS, RecordBatch, SignalOptions
from imprint.study.tables import Table

BATCH = 256
"""Records at a time."""


def take_signals(
    models: Mapping[str, ImageModel | Scorer],
    view: View,
    options: SignalOptions,
    device: torch.device,
    what: str,
    batch_size: int = BATCH,
) -> dict[str, Table]:
    """Return one table per model with the signals of rectangles of images.

    Args:
        models: classifiers by name; models are put in evaluation mode and on ``device`` here.
        view: which images, and the square of each.
        options: which signals, and how.
        device: where to compute.
        what: a few words for the progress bar.
        batch_size: images at a time; changes nothing but memory and speed.

    Returns:
        ``{model: {"index": int64 [n], "<signal>.<augmentation>": [n]}}``; bool for ``correct``,
        float32 or (margin and log_curvature, if so chosen) float16 for all others.

    Raises:
        ImprintError: no classifier, labels it does not know, a white-box signal of a black box,
            weights narrower than float32, or a signal that is not finite.
    """
    check_augmentations(options.augmentations)
    tables: dict[str, Table] = {}
    with full_float32(device):
        for size in sorted({model.input_size for model in models.values()}):
            ready = [
                _ready(name, model, options, device)
                for name, model in models.items()
                if model.input_size == size
            ]
            parts: dict[str, list[dict[str, NDArray[Any]]]] = {each.name: [] for each in ready}
            for rows, pixels in view.batches(size, batch_size, what):
                labels, index = view.labels[rows], view.index[rows]
                for classifier in ready:
                    parts[classifier.name].append(
                        _score(classifier, pixels, labels, index, options, device)
                    )
            for name, columns in parts.items():
                tables[name] = _table(name, columns, view, options)
    return {name: tables[name] for name in models}


def _ready(
    name: str, model: ImageModel | Scorer, options: SignalOptions, device: torch.device
) -> Classifier:
    kinds = [SIGNALS.get(each) for each in options.signals]
    if isinstance(model, ImageModel):
        check_precision(model, name)
        model.place(device).eval()
    elif closed := [kind.name for kind in kinds if kind.is_white_box]:
        raise ImprintError(
            f"model {name} only answers with logits, so it has no {closed[0]}: drop that signal"
        )
    has_unit = any(kind.has_pixel_unit for kind in kinds)
    scale = unit_scale(model, options.unit, name) if has_unit else torch.ones(1, 1, 1)
    dtype = dtype_of(model)
    return Classifier(name, model, scale.to(device, dtype), dtype)


def _score(
    classifier: Classifier,
    pixels: NDArray[np.uint8],
    labels: IntArray,
    indices: IntArray,
    options: SignalOptions,
    device: torch.device,
) -> dict[str, NDArray[Any]]:
    """Return the columns of one batch of records."""
    whole = torch.from_numpy(pixels).to(device).to(classifier.dtype).div_(255)
    truth = torch.from_numpy(labels).to(device)
    columns: dict[str, NDArray[Any]] = {}
    for name in options.augmentations:
        inputs = augment(whole, name).contiguous(memory_format=torch.channels_last)
        batch = RecordBatch(classifier, inputs, truth, indices, name, options)
        for kind in map(SIGNALS.get, options.signals):
            columns[f"{kind.name}.{name}"] = kind.compute(batch).cpu().numpy()
    return columns


def _table(
    name: str,
    batches: list[dict[str, NDArray[Any]]],
    view: View,
    options: SignalOptions,
) -> Table:
    table: Table = {"index": view.index}
    for signal in options.signals:
        for augmentation in options.augmentations:
            column = f"{signal}.{augmentation}"
            empty = [np.zeros(0)]
            values = np.concatenate([batch[column] for batch in batches] or empty)
            table[column] = stored = _stored(signal, values, options)
            bad = ~np.isfinite(stored)
            if bad.any():
                row = int(view.index[np.flatnonzero(bad)[0]])
                raise ImprintError(
                    f"{column} of {view.images.name_of(row)} under model {name} is not finite: "
                    "check the weights and the normalisation, or store float32"
                )
    return table


def _stored(name: str, values: NDArray[Any], options: SignalOptions) -> NDArray[Any]:
    storage = SIGNALS.get(name).storage
    with np.errstate(over="ignore"):
        return values.astype(options.storage if storage == "chosen" else storage)
