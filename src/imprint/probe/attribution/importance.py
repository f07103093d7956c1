"""Importance of every neuron of a network, by one method or several from the same passes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

import numpy as np
import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.data.view import View
from imprint.nets.image_model import ImageModel
from imprint.neurons.activations import Layers
from imprint.neurons.importance import ImportanceTable
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.explained import (
    Classifier,
    Explained,
    Inputs,
    explain,
    layers_of,
    sample_input,
)
from imprint.probe.attribution.layer_attribution import (
    ATTRIBUTORS,
    NO_BASELINE,
    Attributor,
    Question,
    Values,
)
from imprint.probe.neurons.layer_outputs import LayerOutputs, cut_layers, frozen
from imprint.probe.signals.precision import full_float32

LARGEST_GAP = 1e-3


def attribute(
    model: Classifier,
    view: Inputs,
    method: str,
    options: AttributionOptions | None = None,
    *,
    batch_size: int = 64,
    pool: View | None = None,
    correct_only: bool = False,
) -> ImportanceTable:
    """Return the importance of every neuron by one method; see :func:`attribute_by`."""
    return attribute_by(
        model,
        view,
        (method,),
        options,
        batch_size=batch_size,
        pool=pool,
        correct_only=correct_only,
    )[method]


def attribute_by(
    model: Classifier,
    view: Inputs,
    methods: Sequence[str],
    options: AttributionOptions | None = None,
    *,
    batch_size: int = 64,
    pool: View | None = None,
    correct_only: bool = False,
) -> dict[str, ImportanceTable]:
    """Return the importance of every neuron by each method, for every class and for all inputs.

    Where the values of a method must
    add up to F(x) − F(x′), the largest relative gap is a fact of its table, and is logged if it is
    above ``LARGEST_GAP``.

    Args:
        model: a classifier on its device; put in evaluation mode.
        view: which images, or records of a network that is no :class:`ImageModel`.
        methods: names of :data:`imprint.probe.attribution.layer_attribution.ATTRIBUTORS`.
        options: of the attribution.
        batch_size: images at a time; changes nothing but memory and speed.
        pool: images that serve as random baselines (ldls, lgs).
        correct_only: leave out inputs whose class the network does not name.

    Raises:
        ImprintError: no classifier, an unknown method, labels it does not know, no inputs, or a
            network whose layers cannot be told apart by input.
    """
    options = options or AttributionOptions()
    explained = explain(model, view, pool)
    return attribute_explained(explained, methods, options, batch_size, correct_only)


def attribute_explained(
    explained: Explained,
    methods: Sequence[str],
    options: AttributionOptions,
    batch_size: int = 64,
    correct_only: bool = False,
) -> dict[str, ImportanceTable]:
    """Return the importance of every neuron for any outputs; see :func:`attribute_by`."""
    chosen = [ATTRIBUTORS.get(name) for name in methods]
    if explained.baseline is None:
        _refuse_baselines(chosen)
    totals = _Totals(explained.outputs, options, explained.classes)
    for question in questions(explained, options, batch_size):
        totals.add(question, chosen, correct_only)
    if not int(totals.counts.sum()):
        raise ImprintError("no inputs to attribute: give images, or drop correct_only")
    for name, gap in totals.gaps.items():
        if gap > LARGEST_GAP:
            log(
                f"{name}: what it gives adds up to the output only within {gap:.1e} of it: "
                "take more steps, or a method that fits the operations of this network"
            )
    facts = {"options": asdict(options), "correct_only": correct_only, **explained.facts}
    return {method.name: totals.table(method.name, facts) for method in chosen}


def _refuse_baselines(methods: Sequence[Attributor]) -> None:
    """Refuse methods that start from a baseline where there is none.

    Raises:
        ImprintError: one of them.
    """
    starting = [method.name for method in methods if method.from_baseline]
    if starting:
        raise ImprintError(f"{starting[0]}: {NO_BASELINE}")


class _Totals:
    """Sums of the scores of the inputs of each class, by method."""

    def __init__(self, outputs: LayerOutputs, options: AttributionOptions, classes: int) -> None:
        self.outputs = outputs
        self.options = options
        self.counts = torch.zeros(classes, dtype=torch.int64)
        self.sums: dict[str, Tensor] = {}
        self.gaps: dict[str, float] = {}
        self.layers: Layers | None = None

    def add(self, question: Question, methods: Sequence[Attributor], correct_only: bool) -> None:
        """Take in what the methods say of some inputs."""
        if self.layers is None:
            self.layers, self.places = layer_shapes(self.outputs, question)
            complete = any(method.complete for method in methods)
            self.cuts = cut_layers(self.outputs, question.inputs) if complete else ()
        kept = torch.ones(len(question.labels), dtype=torch.bool)
        if correct_only:
            kept = (question.seen.logits.argmax(1) == question.labels).cpu()
        labels = question.labels.cpu()[kept]
        self.counts += torch.bincount(labels, minlength=len(self.counts))
        for method in methods:
            values = dict(method.compute(question))
            if method.complete:
                gap = completeness_gap(question, values, self.cuts)
                self.gaps[method.name] = max(self.gaps.get(method.name, 0.0), gap)
            scores = neuron_values(self.outputs, values, self.options).cpu().double()[kept]
            empty = scores.new_zeros(len(self.counts), scores.shape[1])
            self.sums.setdefault(method.name, empty).index_add_(0, labels, scores)

    def table(self, name: str, facts: Mapping[str, object]) -> ImportanceTable:
        """Return the means, NaN for a class without inputs."""
        assert self.layers is not None
        sums, counts = self.sums[name].numpy(), self.counts.numpy()
        sums = np.concatenate([sums, sums.sum(axis=0, keepdims=True)])
        counts = np.append(counts, counts.sum()).astype(np.int64)
        gap = {"completeness_gap": self.gaps[name]} if name in self.gaps else {}
        return ImportanceTable(
            layers=self.layers,
            scores=np.where(counts[:, None] > 0, sums / counts[:, None].clip(1), np.nan),
            counts=counts,
            positions=self.places,
            method=name,
            target=self.options.target,
            reduce=self.options.reduce,
            sign=self.options.sign,
            facts={**facts, **gap},
        )


def questions(
    explained: Explained, options: AttributionOptions, batch_size: int
) -> Iterator[Question]:
    """Yield the inputs in order as questions.

    While they are asked, no weight takes a gradient and everything runs in full float32.
    """
    labels, ids = explained.labels, explained.ids
    with full_float32(explained.device), frozen(explained.outputs.model):
        for rows, inputs in explained.batches(batch_size):
            yield Question(
                explained.outputs,
                inputs,
                torch.from_numpy(labels[rows]).to(explained.device),
                torch.from_numpy(ids[rows]),
                explained.baseline,
                explained.pool,
                options,
            )


@torch.no_grad()
def attributable_layers(model: Classifier, inputs: Inputs | None = None) -> tuple[str, ...]:
    """Return the layers that attributions speak of, in the order in which they run.

    They are linear and convolutional; the last is most often the classifier.

    Args:
        model: a classifier; put in evaluation mode.
        inputs: records, for a network that is no :class:`ImageModel`.

    Raises:
        ImprintError: the network has none.
    """
    module = model if isinstance(model, ImageModel) else model.module
    module.eval()
    return tuple(layers_of(model).run(sample_input(model, inputs)).values)


def neuron_values(outputs: LayerOutputs, values: Values, options: AttributionOptions) -> Tensor:
    """Return one number per neuron and input, ``[b, neurons]``.

    Args:
        outputs: the layers.
        values: of each layer, ``[b, …]``, or ``[b, width]`` where places are gone already.
        options: sign and reduction.
    """
    return torch.cat(
        [_reduced(value, outputs.axis(name), options) for name, value in values.items()], dim=1
    )


def _reduced(values: Tensor, axis: int, options: AttributionOptions) -> Tensor:
    if options.sign == "abs":
        values = values.abs()
    elif options.sign == "positive":
        values = values.clamp(min=0)
    values = values.movedim(axis, 1)
    if values.ndim == 2:
        return values.abs() if options.reduce == "max_abs" else values
    places = values.flatten(2)
    if options.reduce == "max_abs":
        return places.abs().amax(2)
    return places.sum(2) if options.reduce == "sum" else places.mean(2)


def completeness_gap(question: Question, values: Values, cuts: Sequence[str]) -> float:
    """Return by how much values miss F(x) − F(x′), relative to its root mean square.

    Args:
        question: that was asked.
        values: of each layer, ``[b, …]``.
        cuts: layers that everything passes through; the values of others need not add up.
    """
    wanted = question.difference().cpu().double()
    size = wanted.square().mean().sqrt().clamp(min=torch.finfo(torch.float32).tiny)
    # Added up on the device in float32: not every device has float64.
    sums = [values[name].flatten(1).sum(1).cpu().double() for name in cuts]
    return float(max(((total - wanted).abs().max() / size for total in sums), default=0.0))


def layer_shapes(outputs: LayerOutputs, question: Question) -> tuple[Layers, tuple[int, ...]]:
    """Return the layers and, of each, how many places its neurons have."""
    layers = outputs.layers(question.seen)
    places = tuple(
        value[0].numel() // width
        for value, width in zip(question.seen.values.values(), layers.widths, strict=True)
    )
    return layers, places
