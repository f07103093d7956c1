"""Activations of a network on inputs that were made, not read: perturbed images."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.nets.image_model import ImageModel
from imprint.neurons.activations import ActivationTable
from imprint.probe.neurons.neurons import Taps
from imprint.probe.neurons.tap_options import TapOptions
from imprint.probe.signals.precision import full_float32


def take_input_activations(
    model: ImageModel,
    batches: Iterable[NDArray[np.float32]],
    labels: IntArray,
    options: TapOptions,
) -> ActivationTable:
    """Return the activations of inputs in memory, with the classes that the network names.

    Args:
        model: on its device; put in evaluation mode here.
        batches: float32 ``[b, channels, H, W]`` in [0, 1] each, n inputs in all.
        labels: int64 ``[n]``, the given classes.
        options: which layers, and what a neuron is.

    Raises:
        ImprintError: no inputs, or an activation that is not finite.
    """
    model.place(model.device).eval()
    values: list[NDArray[np.float32]] = []
    predictions = []
    with Taps(model, options) as taps, full_float32(model.device), torch.no_grad():
        for inputs in batches:
            tensor = torch.from_numpy(inputs).to(model.device)
            outputs = model(tensor.contiguous(memory_format=torch.channels_last))
            values.append(taps.take().values.cpu().numpy())
            named = outputs.argmax(1) if model.has_logits else outputs.new_zeros(len(outputs))
            predictions.append(named.long().cpu().numpy())
        if not values:
            raise ImprintError("there are no inputs to take activations of")
        layers = taps.layers
    joined = np.concatenate(values)
    if not np.isfinite(joined).all():
        raise ImprintError(
            "an activation of a perturbed input is not finite: check weights and normalisation"
        )
    named_classes = np.concatenate(predictions) if model.has_logits else None
    return ActivationTable(layers, joined, labels, predictions=named_classes)
