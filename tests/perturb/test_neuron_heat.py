from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from imprint.core.errors import ImprintError
from imprint.nets.image_model import ImageModel
from imprint.nets.outputs import OutputRule
from imprint.perturb.neuron_heat import neuron_heat
from imprint.probe.neurons.layer_outputs import LayerOutputs


@pytest.fixture
def network() -> ImageModel:
    torch.manual_seed(0)
    layers = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 2)
    )
    return ImageModel(layers, 1, 4, (0.0,), (1.0,), output=OutputRule(outputs=2))


def test_heat_is_the_weighted_sum_of_the_maps(network: ImageModel, inputs: np.ndarray) -> None:
    modules = LayerOutputs(network).modules
    name, conv = next((n, m) for n, m in modules.items() if isinstance(m, nn.Conv2d))
    found = neuron_heat(network, inputs, {name: np.array([2.0, 0.0, -1.0]), "nowhere": np.ones(2)})
    maps = conv(torch.from_numpy(inputs)).detach().numpy()
    assert found == pytest.approx(2 * maps[:, 0] - maps[:, 2], abs=1e-5)


def test_neurons_without_places_are_refused(network: ImageModel, inputs: np.ndarray) -> None:
    modules = LayerOutputs(network).modules
    name = next(name for name, m in modules.items() if isinstance(m, nn.Linear))
    with pytest.raises(ImprintError, match="has a place in the image"):
        neuron_heat(network, inputs, {name: np.ones(2)})
