"""Importance of every neuron where each input has an attribution of its own, as a selector chooses.

Attributions have different units, so that the scores of an input in a scope are divided by the sum
of their sizes: every input counts alike, whichever attribution it has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.data.view import View
from imprint.nets.image_model import ImageModel
from imprint.neurons.activations import Layers
from imprint.neurons.importance import ImportanceTable
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.explained import explain
from imprint.probe.attribution.importance import layer_shapes, neuron_values, questions
from imprint.probe.attribution.input_gains import WHOLE_MODEL, scopes_of
from imprint.probe.attribution.layer_attribution import ATTRIBUTORS
from imprint.probe.signals.precision import full_float32

METHOD = "selector"


@torch.no_grad()
def pooled_features(model: ImageModel, view: View, batch_size: int = 64) -> NDArray[np.float32]:
    """Return the pooled features of images, float32 ``[n, d]``, by which a selector chooses.

    Raises:
        ImprintError: there are no images.
    """
    model.place(model.device).eval()
    with full_float32(model.device):
        parts = [
            model.embed(model.to_inputs(pixels), "backbone").float().cpu().numpy()
            for _, pixels in view.batches(model.input_size, batch_size, "features")
        ]
    if not parts:
        raise ImprintError("no inputs to choose attributions for: give images")
    return np.concatenate(parts)


def attribute_as_chosen(
    model: ImageModel,
    view: View,
    methods: Sequence[str],
    scopes: Sequence[str],
    chosen: IntArray,
    options: AttributionOptions | None = None,
    batch_size: int = 64,
) -> ImportanceTable:
    """Return the importance of every neuron, by each input's own attribution.

    Args:
        model: a classifier on its device; put in evaluation mode.
        view: of n images.
        methods: names of attributions.
        scopes: names of layers, or the one ``model``, all layers but the last.
        chosen: int64 ``[n, scopes]``, which of the methods each input has in each scope.
        options: of the attributions.
        batch_size: inputs at a time; changes nothing but memory and speed.

    Returns:
        Scores of neurons in no scope are NaN.

    Raises:
        ImprintError: no classifier, an unknown attribution, or layers that the network has not.
    """
    options = options or AttributionOptions()
    attributors = [ATTRIBUTORS.get(name) for name in methods]
    explained = explain(model, view)
    sums, counts = torch.zeros(0), torch.zeros(explained.classes, dtype=torch.int64)
    layers, start = Layers((), ()), 0
    places: tuple[int, ...] = ()
    slices: list[slice] = []
    for question in questions(explained, options, batch_size):
        if not len(sums):
            layers, places = layer_shapes(explained.outputs, question)
            slices = _slices(layers, scopes)
            sums = torch.zeros(explained.classes, layers.neurons, dtype=torch.float64)
        own = chosen[start : start + len(question.inputs)]
        start += len(own)
        scores = torch.full((len(own), layers.neurons), torch.nan, dtype=torch.float64)
        for number in np.unique(own).tolist():
            method = dict(attributors[number].compute(question))
            values = neuron_values(explained.outputs, method, options).cpu().double()
            for column, part in enumerate(slices):
                rows = torch.from_numpy(own[:, column] == number)
                scores[rows, part] = _shares(values[rows, part])
        labels = question.labels.cpu()
        counts += torch.bincount(labels, minlength=len(counts))
        sums.index_add_(0, labels, scores)
    if not start:
        raise ImprintError("no inputs to attribute: give images")
    every = torch.cat([sums, sums.sum(0, keepdim=True)]).numpy()
    numbers = np.append(counts.numpy(), start)
    return ImportanceTable(
        layers=layers,
        scores=np.where(numbers[:, None] > 0, every / numbers[:, None].clip(1), np.nan),
        counts=numbers.astype(np.int64),
        positions=places,
        method=METHOD,
        target=options.target,
        reduce=options.reduce,
        sign=options.sign,
        facts={"options": asdict(options), "methods": list(methods), **explained.facts},
    )


def _slices(layers: Layers, scopes: Sequence[str]) -> list[slice]:
    """Return where the neurons of each scope stand.

    Raises:
        ImprintError: the network has no such layer.
    """
    if tuple(scopes) == (WHOLE_MODEL,):
        return list(scopes_of(layers, per_layer=False).values())
    for name in scopes:
        if name not in layers.names:
            raise ImprintError(
                f"the selector is of a layer {name}, which the network has not: it runs "
                f"{', '.join(layers.names)}"
            )
    return [layers.slices[name] for name in scopes]


def _shares(values: Tensor) -> Tensor:
    sizes = values.abs().sum(1, keepdim=True)
    return values / torch.where(sizes > 0, sizes, 1.0)
