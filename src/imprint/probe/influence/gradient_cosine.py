"""The cosine of loss gradients; a record's with itself is 1 and says nothing.

Charpiat, Girard, Felardos, Tarabalka 2019, "Input Similarity from the Neural Network Perspective".
"""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.probe.influence_kit.layer_gradients import Dense, Gradients, Outer, squared_norms
from imprint.probe.influence_kit.question import Attribution, Trained, influence
from imprint.probe.influence_kit.record_gradients import RecordGradients, pair_products


@influence("gradient_cosine", no_self="the cosine of a gradient with itself is 1 for every record")
def gradient_cosine(trained: Trained) -> Attribution:
    """Return the cosines; 0 where a gradient is 0."""
    source = RecordGradients(trained)
    return Attribution(pair_products(trained, source, unit_length, unit_length)[0])


def unit_length(gradients: Gradients) -> Gradients:
    """Return gradients of length 1, or 0."""
    lengths = squared_norms(gradients).sqrt()
    factor = 1 / lengths.where(lengths > 0, torch.inf)
    return tuple(_times(layer, factor) for layer in gradients)


def _times(layer: Outer | Dense, factor: Tensor) -> Outer | Dense:
    if isinstance(layer, Outer):
        return Outer(layer.inputs, layer.slopes * factor[:, None])
    return Dense(layer.values * factor[:, None, None])
