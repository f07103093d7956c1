"""The network under test as a search for faults sees it: activations, predictions, features."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.core.arrays import Pixels
from imprint.lenses.coverage.faults.oracles import as_inputs
from imprint.lenses.coverage.fuzzing.search import Outcome
from imprint.nets.image_model import ImageModel
from imprint.neurons.activations import Batch, Layers
from imprint.probe.neurons.neurons import Taps
from imprint.probe.neurons.tap_options import TapOptions
from imprint.probe.signals.precision import full_float32


@dataclass(frozen=True, eq=False)
class WatchedClassifier:
    """A network whose activations are handed out with its predictions.

    Attributes:
        model: on its device, in evaluation mode.
        taps: that are entered; None where activations do not matter.
    """

    model: ImageModel
    taps: Taps | None

    def __call__(self, images: Tensor) -> Outcome:
        """Return what the network makes of images, float32 ``[b, channels, H, W]`` in [0, 255]."""
        with torch.no_grad():
            layers = self.model.embed_layers(as_inputs(images), ("backbone", "logits"))
        features = layers["backbone"].flatten(1)
        if self.taps is not None:
            batch = self.taps.take()
        else:
            batch = Batch(Layers(("features",), (features.shape[1],)), features)
        predictions = layers["logits"].argmax(1).cpu().numpy()
        return Outcome(batch, predictions, features.float().cpu().numpy())


@contextmanager
def watched_classifier(
    model: ImageModel, options: TapOptions, with_activations: bool
) -> Iterator[WatchedClassifier]:
    """Give a network with taps on it, put in evaluation mode.

    Args:
        model: on its device.
        options: which layers, and what a neuron is.
        with_activations: whether anyone reads them.
    """
    model.place(model.device).eval()
    with full_float32(model.device):
        if not with_activations:
            yield WatchedClassifier(model, None)
            return
        with Taps(model, options) as taps:
            yield WatchedClassifier(model, taps)


def as_float(pixels: Pixels, device: torch.device) -> Tensor:
    """Return pixels uint8 ``[b, channels, H, W]`` as floats in [0, 255] on a device."""
    return torch.from_numpy(pixels).to(device).float()
