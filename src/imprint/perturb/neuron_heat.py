"""Where chosen neurons of convolutions are active in an image."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.nets.image_model import ImageModel
from imprint.perturb.noise import Inputs, check_inputs
from imprint.probe.neurons.layer_outputs import LayerOutputs
from imprint.probe.signals.precision import full_float32


def neuron_heat(
    model: ImageModel, inputs: Inputs, weights: Mapping[str, FloatArray]
) -> NDArray[np.float32]:
    """Return the weighted sum of the maps of neurons, float32 ``[n, H, W]``.

    Each map is the raw output of a channel, resized to the image (bilinear). Layers without places,
    such as linear ones, do not count.

    Args:
        model: put in evaluation mode.
        inputs: float32 ``[n, channels, H, W]`` in [0, 1].
        weights: float64 ``[width]`` by layer.

    Raises:
        ImprintError: no layer of the weights has places.
    """
    check_inputs(inputs)
    model.place(model.device).eval()
    size = (inputs.shape[2], inputs.shape[3])
    heat: torch.Tensor | None = None
    with torch.no_grad(), full_float32(model.device):
        recorded = LayerOutputs(model).run(torch.from_numpy(inputs).to(model.device))
        for name, weight in weights.items():
            maps = recorded.values.get(name)
            if maps is None or maps.ndim != 4 or maps.shape[1] != len(weight) or not weight.any():
                continue
            scale = torch.from_numpy(weight).to(maps)
            summed = torch.einsum("bchw,c->bhw", maps, scale)[:, None]
            part = functional.interpolate(summed, size, mode="bilinear", align_corners=False)
            heat = part if heat is None else heat + part
    if heat is None:
        raise ImprintError(
            "none of the leading neurons has a place in the image: choose an attribution instead"
        )
    return np.asarray(heat[:, 0].float().cpu().numpy())
