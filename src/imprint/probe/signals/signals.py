"""Signals: what each model says of each record, all of it from one pass over the images.

Each batch is read once and shown to every model, under every augmentation. Every model is probed
in the same random directions (common random numbers), functions of the seed, the record, the
augmentation and the probe, so neither order nor batch size enters. Everything runs in full float32.

A table has one row a record: ``index``, then ``<signal>.<augmentation>`` by signal. With
:func:`imprint.study.tables.write_table` inside :meth:`imprint.study.store.Study.step`, one step a
model, an interrupted cohort goes on with the models that are missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.data.files import stream
from imprint.data.imageset import ImageSet
from imprint.nets.image_model import ImageModel
from imprint.probe.attribution.piecewise import is_piecewise_linear
from imprint.probe.signals.augmented import augment, check_augmentations
from imprint.probe.signals.confidence import correct, margin, modified_entropy, probability
from imprint.probe.signals.curvature import Forward, resolution, zeroth_order_curvature
from imprint.probe.signals.gradients import input_gradient_norm, last_layer_gradient_norm
from imprint.probe.signals.hessian import exact_trace, hutchinson_trace, logit_probe_trace
from imprint.probe.signals.precision import check_precision, full_float32
from imprint.probe.signals.rademacher import rademacher
from imprint.probe.signals.scorer import Scorer, dtype_of, forward_of, unit_scale
from imprint.probe.signals.signal_options import WHITE_BOX, Signal, SignalOptions
from imprint.study.tables import Table

MOST_CLASSES_EXACT = 20
COMPACT: frozenset[Signal] = frozenset({"margin", "log_curvature", "log_floor"})

_MICRO_BATCH_VALUES = {"cpu": 3 * 2**15}
_MICRO_BATCH_VALUES_GPU = 2**24


@dataclass(frozen=True)
class _Model:
    """A model made ready: what every batch needs of it."""

    name: str
    model: ImageModel | Scorer
    forward: Forward
    scale: Tensor
    dtype: torch.dtype


@dataclass(frozen=True)
class _Batch:
    """Records under one augmentation, on the device, in the model's dtype."""

    images: Tensor
    labels: Tensor
    indices: IntArray
    augmentation: str

    @property
    def rows(self) -> int:
        """Images a micro-batch: on a CPU few enough to stay in its caches."""
        values = _MICRO_BATCH_VALUES.get(self.images.device.type, _MICRO_BATCH_VALUES_GPU)
        return max(4, values // self.images[0].numel())

    def signs(self, options: SignalOptions, purpose: str, count: int) -> Iterator[Tensor]:
        for probe in range(options.probes):
            yield rademacher(options.seed, purpose, self.augmentation, probe, self.indices, count)

    def parts(self) -> Iterator[_Batch]:
        for start in range(0, len(self.images), self.rows):
            part = slice(start, start + self.rows)
            yield _Batch(
                self.images[part], self.labels[part], self.indices[part], self.augmentation
            )


def take_signals(
    models: Mapping[str, ImageModel | Scorer],
    images: ImageSet,
    indices: IntArray,
    rectangles: FloatArray,
    options: SignalOptions,
    device: torch.device,
    what: str,
    batch_size: int = 256,
) -> dict[str, Table]:
    """Return one table a model of what it says of the given rectangles of the given images.

    Args:
        models: classifiers by name; models are put in evaluation mode and on ``device`` here.
        images: where pixels and labels come from.
        indices: int64 ``[n]``.
        rectangles: float64 ``[n, 4]``, the part of each image to look at.
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
            found: dict[str, list[dict[str, NDArray[Any]]]] = {model.name: [] for model in ready}
            batches = stream(images, indices, rectangles, size, batch_size)
            total = -(-len(indices) // batch_size)
            for row, pixels in enumerate(track(batches, what, total, "batch")):
                part = indices[row * batch_size : (row + 1) * batch_size]
                for model in ready:
                    found[model.name].append(
                        _of_batch(model, pixels, images.labels[part], part, options, device)
                    )
            for name, rows in found.items():
                tables[name] = _table(name, rows, indices, options, images)
    return {name: tables[name] for name in models}


def _ready(
    name: str, model: ImageModel | Scorer, options: SignalOptions, device: torch.device
) -> _Model:
    if isinstance(model, ImageModel):
        check_precision(model, name)
        model.place(device).eval()
    else:
        closed = [signal for signal in options.signals if signal in WHITE_BOX]
        if closed:
            raise ImprintError(
                f"model {name} only answers with logits, so it has no {closed[0]}: drop that signal"
            )
    needs_scale = {"log_curvature", "trace", "input_gradient"} & set(options.signals)
    scale = unit_scale(model, options.unit, name) if needs_scale else torch.ones(1, 1, 1)
    dtype = dtype_of(model)
    return _Model(name, model, forward_of(model), scale.to(device, dtype), dtype)


def _of_batch(
    model: _Model,
    pixels: NDArray[np.uint8],
    labels: IntArray,
    indices: IntArray,
    options: SignalOptions,
    device: torch.device,
) -> dict[str, NDArray[Any]]:
    whole = torch.from_numpy(pixels).to(device).to(model.dtype).div_(255)
    truth = torch.from_numpy(labels).to(device)
    columns: dict[str, NDArray[Any]] = {}
    for name in options.augmentations:
        inputs = augment(whole, name).contiguous(memory_format=torch.channels_last)
        batch = _Batch(inputs, truth, indices, name)
        for signal, values in _signals(model, batch, options).items():
            columns[f"{signal}.{name}"] = values.cpu().numpy()
    return columns


def _signals(model: _Model, batch: _Batch, options: SignalOptions) -> dict[Signal, Tensor]:
    wanted = set(options.signals)
    found: dict[Signal, Tensor] = {}
    with torch.inference_mode():
        parts = [model.forward(part.images) for part in batch.parts()]
    logits, labels = torch.cat(parts).cpu(), batch.labels.cpu()
    precise = logits.double()
    if "margin" in wanted:
        found["margin"] = margin(precise, labels)
    if "mentr" in wanted:
        found["mentr"] = modified_entropy(precise, labels)
    if "correct" in wanted:
        found["correct"] = correct(precise, labels)
    if "probability" in wanted:
        found["probability"] = probability(precise, labels, options.temperature)
    if "log_curvature" in wanted:
        found["log_curvature"] = _log_curvature(model, batch, logits, options)
    if "log_floor" in wanted:
        found["log_floor"] = resolution(logits, labels, options.step).log()
    if "trace" in wanted:
        found["trace"] = _trace(model, batch, logits.shape[1], options)
    if "input_gradient" in wanted:
        norms = [
            input_gradient_norm(model.forward, part.images, part.labels, model.scale)
            for part in batch.parts()
        ]
        found["input_gradient"] = torch.cat(norms)
    if "parameter_gradient" in wanted:
        assert isinstance(model.model, ImageModel)
        found["parameter_gradient"] = last_layer_gradient_norm(
            model.model, batch.images, batch.labels
        )
    return {signal: found[signal] for signal in options.signals}


def _log_curvature(model: _Model, batch: _Batch, logits: Tensor, options: SignalOptions) -> Tensor:
    directions = batch.signs(options, "curvature", 2 * batch.images[0].numel())
    curvature = zeroth_order_curvature(
        model.forward,
        batch.images,
        batch.labels,
        directions,
        options.step,
        model.scale,
        batch.rows,
    )
    floor = resolution(logits, batch.labels.cpu(), options.step)
    return torch.maximum(curvature, floor).log()


def _trace(model: _Model, batch: _Batch, classes: int, options: SignalOptions) -> Tensor:
    method = options.trace if options.trace != "auto" else _method(model, batch, classes)
    found = []
    for part in batch.parts():
        if method == "exact":
            values = exact_trace(model.forward, part.images, model.scale)
        elif method == "logits":
            signs = part.signs(options, "logits", classes)
            values = logit_probe_trace(model.forward, part.images, signs, model.scale)
        else:
            signs = part.signs(options, "hutchinson", part.images[0].numel())
            values = hutchinson_trace(model.forward, part.images, part.labels, signs, model.scale)
        found.append(values)
    return torch.cat(found)


def _method(model: _Model, batch: _Batch, classes: int) -> str:
    assert isinstance(model.model, ImageModel)
    if not is_piecewise_linear(model.model, model.forward, batch.images[:1]):
        return "hutchinson"
    return "exact" if classes <= MOST_CLASSES_EXACT else "logits"


def _table(
    name: str,
    batches: list[dict[str, NDArray[Any]]],
    indices: IntArray,
    options: SignalOptions,
    images: ImageSet,
) -> Table:
    table: Table = {"index": indices}
    for signal in options.signals:
        for augmentation in options.augmentations:
            column = f"{signal}.{augmentation}"
            empty = [np.zeros(0)]
            values = np.concatenate([batch[column] for batch in batches] or empty)
            table[column] = stored = _stored(signal, values, options)
            bad = ~np.isfinite(stored)
            if bad.any():
                row = int(indices[np.flatnonzero(bad)[0]])
                raise ImprintError(
                    f"{column} of {images.name_of(row)} under model {name} is not finite: check "
                    "the weights and the normalisation, or store float32"
                )
    return table


def _stored(signal: Signal, values: NDArray[Any], options: SignalOptions) -> NDArray[Any]:
    if signal == "correct":
        return values.astype(np.bool_)
    with np.errstate(over="ignore"):
        return values.astype(options.storage if signal in COMPACT else "float32")
