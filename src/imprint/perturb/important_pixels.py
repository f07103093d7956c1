"""How important each pixel of an image is for the class that a network names.

Every attribution to layers is one to pixels as well: a layer that hands the normalised image on as
it is stands in front of the network, and the attribution to its units is that of the pixels.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.nets.image_model import ImageModel
from imprint.perturb.noise import Inputs, check_inputs
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.layer_attribution import ATTRIBUTORS, Question
from imprint.probe.neurons.layer_outputs import LayerOutputs, frozen
from imprint.probe.signals.precision import full_float32

BATCH = 64
PIXELS = "pixels"


class PixelLayer(nn.Module):
    """A network behind a layer that hands its normalised images on.

    Args:
        model: the network.
    """

    def __init__(self, model: ImageModel) -> None:
        super().__init__()
        channels = model.channels
        self.pixels = nn.Conv2d(channels, channels, 1, groups=channels, bias=False)
        nn.init.ones_(self.pixels.weight)
        self.model = model
        self.to(model.device)

    def forward(self, normalised: Tensor) -> Tensor:
        """Return the logits of normalised images ``[b, channels, H, W]``."""
        images = self.pixels(normalised) * self.model.std + self.model.mean
        logits: Tensor = self.model(images)
        return logits


def pixel_importance(
    model: ImageModel, inputs: Inputs, ids: NDArray[np.int64], method: str, seed: int
) -> NDArray[np.float32]:
    """Return the importance of each pixel for the predicted class, float32 ``[n, H, W]``.

    The sum over channels of the attribution to the normalised image.

    Args:
        model: a classifier; put in evaluation mode, in which it stays.
        inputs: float32 ``[n, channels, H, W]`` in [0, 1].
        ids: int64 ``[n]``, which images these are.
        method: name of an attribution, see ``imprint list attributions``.
        seed: of what an attribution draws.

    Raises:
        ImprintError: no classifier, no such attribution, or one that gives no value a pixel.
    """
    check_inputs(inputs)
    if not model.has_logits:
        raise ImprintError("the network has no classifier: important pixels need its output")
    attribution = ATTRIBUTORS.get(method)
    model.place(model.device).eval()
    layered = PixelLayer(model).eval()
    options = AttributionOptions(target="predicted", seed=seed)
    starts = range(0, len(inputs), BATCH)
    parts = []
    with frozen(layered), full_float32(model.device):
        outputs = LayerOutputs(layered)
        for start in track(starts, f"important pixels by {method}", len(starts), "batch"):
            rows = slice(start, start + BATCH)
            images = model.normalise(torch.from_numpy(inputs[rows]).to(model.device))
            question = Question(
                outputs,
                images,
                torch.zeros(len(images), dtype=torch.int64, device=model.device),
                torch.from_numpy(ids[rows]),
                torch.zeros_like(images[:1]),
                options=options,
            )
            values = attribution.compute(question)[PIXELS]
            if values.shape != images.shape:
                raise ImprintError(
                    f"{method} gives one value a channel, not one a pixel: choose another "
                    "attribution, such as lrp"
                )
            parts.append(values.detach().sum(1).float().cpu().numpy())
    return np.concatenate(parts)
