"""The networks that judge samples: what they make of pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import IntArray, Pixels
from imprint.core.errors import ImprintError
from imprint.data.imageset import ArrayImages
from imprint.data.view import View
from imprint.lenses.reconstruct.evaluation import SampleReadings
from imprint.nets.image_model import ImageModel, Layer

IMAGES_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class Judged:
    """What the networks make of pictures, one row a picture.

    Attributes:
        classes: int64 ``[m]``, predicted class.
        probabilities: float32 ``[m, c]``.
        features: float32 ``[m, d]``, penultimate features.
    """

    classes: IntArray
    probabilities: NDArray[np.float32]
    features: NDArray[np.float32]

    def grouped(self, samples: int) -> SampleReadings:
        """Return readings of as many samples of each image, which stand behind each other."""
        return SampleReadings(
            self.classes.reshape(-1, samples),
            self.features.reshape(len(self.classes) // samples, samples, -1),
        )


@dataclass(frozen=True, eq=False)
class Judge:
    """A classifier, and the network whose features are compared; both on their device.

    Attributes:
        classifier: has logits.
        features: None for the classifier.
        classes: names of the classes that the classifier must know.
    """

    classifier: ImageModel
    features: ImageModel | None
    classes: tuple[str, ...]

    def judge(self, pixels: Pixels, what: str) -> Judged:
        """Return what the networks make of pictures uint8 ``[m, C, S, S]``.

        Args:
            pixels: resampled to the size that each network takes.
            what: they are, for the progress bar and messages.

        Raises:
            ImprintError: the classifier has no logits or other classes, a network takes other
                channels, or an output is not finite.
        """
        layers: tuple[Layer, ...] = ("logits",) if self.features else ("logits", "backbone")
        outputs = _outputs(self.classifier, pixels, layers, what)
        logits = outputs["logits"]
        if logits.ndim != 2 or logits.shape[1] != len(self.classes):
            raise ImprintError(
                f"the classifier has {list(logits.shape)[-1]} outputs and the images have "
                f"{len(self.classes)} classes: give one that was trained on these classes"
            )
        probabilities = torch.from_numpy(logits).softmax(dim=1).numpy()
        if self.features is not None:
            outputs |= _outputs(self.features, pixels, ("backbone",), f"{what}: features")
        return Judged(logits.argmax(axis=1), probabilities, outputs["backbone"])

    def features_of(self, pixels: Pixels, what: str) -> NDArray[np.float32]:
        """Return features alone, float32 ``[m, d]``; see :meth:`judge`."""
        model = self.features or self.classifier
        return _outputs(model, pixels, ("backbone",), what)["backbone"]


def _outputs(
    model: ImageModel, pixels: Pixels, layers: tuple[Layer, ...], what: str
) -> dict[Layer, NDArray[np.float32]]:
    images = ArrayImages(pixels, np.zeros(len(pixels), dtype=np.int64), ("",), what)
    parts: dict[Layer, list[NDArray[np.float32]]] = {layer: [] for layer in layers}
    model.place(model.device).eval()
    for _, batch in View(images, np.arange(len(pixels))).batches(
        model.input_size, IMAGES_AT_ONCE, what
    ):
        with torch.inference_mode():
            outputs = model.embed_layers(model.to_inputs(batch), layers)
        for layer in layers:
            parts[layer].append(outputs[layer].float().cpu().numpy())
    joined = {layer: np.concatenate(each) for layer, each in parts.items()}
    for layer, values in joined.items():
        if not np.isfinite(values).all():
            raise ImprintError(
                f"{layer} of {what} are not finite: check the weights and the normalisation of the "
                "network"
            )
    return joined
