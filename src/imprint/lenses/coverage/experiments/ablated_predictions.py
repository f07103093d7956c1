"""Which tests a network gets right without sets of its neurons."""

from __future__ import annotations

import numpy as np
import torch

from imprint.core.arrays import BoolArray
from imprint.core.progress import track
from imprint.data.view import View
from imprint.lenses.coverage.study.network import AuditedNetwork
from imprint.neurons.activations import Layers
from imprint.probe.attribution.ablation import Ablation
from imprint.probe.attribution.explained import explain

BATCH = 128
SETS = 16
"""Networks without neurons that share a pass."""


def right_without(
    network: AuditedNetwork,
    tests: View,
    layers: Layers,
    keep: BoolArray,
    members: View | None = None,
) -> tuple[BoolArray, BoolArray]:
    """Return which tests networks without neurons get right, ``[k, n]``; and the whole one.

    Args:
        network: a classifier.
        tests: n images.
        layers: linear and convolutional ones, in the order in which they run.
        keep: bool ``[k, neurons]``, which neurons stay in each network.
        members: images over which the mean of a neuron takes its place; None for zero.
    """
    explained = explain(network.model, tests)
    first = next(iter(explained.batches(1)))[1]
    ablated = Ablation(explained.outputs, layers, first)
    if members is not None:
        batches = explain(network.model, members).batches(BATCH)
        ablated.fill = ablated.means(inputs for _, inputs in batches)
    keep = np.concatenate([np.ones((1, layers.neurons), dtype=bool), keep])
    right = np.empty((len(keep), len(tests)), dtype=bool)
    labels = torch.from_numpy(explained.labels)
    chunks = [slice(start, start + SETS) for start in range(0, len(keep), SETS)]
    for rows, inputs in explained.batches(BATCH):
        for part in track(chunks, "ablate", len(chunks), "sets"):
            logits = ablated.logits(inputs, torch.from_numpy(keep[part]))
            right[part, rows] = (logits.argmax(2).cpu() == labels[rows]).numpy()
    return right[1:], right[0]
