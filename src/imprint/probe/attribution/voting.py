"""Ballots: batch by batch, which neurons each method finds important and what they are worth.

The worth of a method's choice is the loss gain: by how much the summed cross-entropy rises without
the neurons chosen. All methods share the passes of their attributions, and all their choices are
taken away in one batched pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.data.view import View
from imprint.neurons.activations import Layers
from imprint.neurons.ballot import Ballot
from imprint.neurons.importance import Scaling, Selection, hidden, scale, select
from imprint.probe.attribution.ablation import Ablation, loss_gains
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.explained import Classifier, Inputs, explain
from imprint.probe.attribution.importance import layer_shapes, neuron_values, questions
from imprint.probe.attribution.layer_attribution import ATTRIBUTORS, Question


def cast_ballots(
    model: Classifier,
    view: Inputs,
    methods: Sequence[str],
    m: int,
    options: AttributionOptions | None = None,
    *,
    held_out: bool = True,
    after_norm: bool = True,
    scaling: Scaling = "none",
    pool: View | None = None,
    batch_size: int = 32,
    among: Sequence[str] = (),
) -> Iterator[Ballot]:
    """Yield one ballot a batch; a caller that has seen enough stops asking.

    Args:
        model: a classifier on its device; put in evaluation mode.
        view: which images, or records of a network that is no :class:`ImageModel`, batched in this
            order.
        methods: names of attributions.
        m: neurons that each method chooses.
        options: of the attributions.
        held_out: whether the worth of a choice is measured on the next batch (after the last, on
            the first), else on the batch that it was made by.
        after_norm: whether neurons are taken away after the normalisation behind their layer.
        scaling: of the scores, which makes layers comparable; see
            :func:`imprint.neurons.importance.scale`.
        pool: images that serve as random baselines.
        batch_size: inputs a ballot.
        among: layers to choose from; empty for all but the last.

    Raises:
        ImprintError: as :func:`imprint.probe.attribution.importance.attribute_by`, or one batch
            alone where another is needed to measure on.
    """
    if held_out and len(view) <= batch_size:
        raise ImprintError(
            f"{len(view)} inputs are one batch of {batch_size}, and loss gains are measured on "
            "another one: give more inputs or a smaller batch size"
        )
    options = options or AttributionOptions()
    chosen = [ATTRIBUTORS.get(name) for name in methods]
    explained = explain(model, view, pool)
    outputs, batches = explained.outputs, questions(explained, options, batch_size)
    ablation: Ablation | None = None
    for question, held_out_batch in (
        _with_next(batches) if held_out else ((one, one) for one in batches)
    ):
        if ablation is None:
            layers, places = layer_shapes(outputs, question)
            ablation = Ablation(outputs, layers, question.inputs, after_norm, options.rows)
        raw = [neuron_values(outputs, dict(one.compute(question)), options) for one in chosen]
        means = np.stack([values.mean(0).cpu().double().numpy() for values in raw])
        scores = scale(layers, means, scaling, places)
        picks = tuple(select(layers, row, m, among or hidden(layers)) for row in scores)
        gains, drops = loss_gains(
            ablation, held_out_batch.inputs, held_out_batch.labels, keeping(layers, picks)
        )
        yield Ballot(
            layers, tuple(methods), scores, picks, gains.sum(1).numpy(), drops.mean(1).numpy()
        )


def keeping(layers: Layers, picks: Iterable[Selection]) -> Tensor:
    """Return which neurons are left without those of each selection, bool ``[k, neurons]``."""
    rows: list[FloatArray] = []
    for pick in picks:
        row = np.ones(layers.neurons)
        row[pick.neurons] = 0
        rows.append(row)
    return torch.from_numpy(np.stack(rows)).bool()


def _with_next(batches: Iterator[Question]) -> Iterator[tuple[Question, Question]]:
    last = next(batches)
    # A copy of the first that has made no pass: its graph is not kept to the end.
    for question in chain(batches, [replace(last)]):
        yield last, question
        last = question
