"""Attribution and activations of architectures with depthwise layers, gates and layer scales."""

import pytest
import torch
from torch import nn

from imprint.nets.build import build_network
from imprint.probe.attribution.attribution_options import AttributionOptions
from imprint.probe.attribution.layer_attribution import ATTRIBUTORS, Question
from imprint.probe.neurons.layer_outputs import LayerOutputs
from imprint.probe.neurons.neurons import Taps

SMALL = {
    "mobilenet_v2": {"width": 8, "small_input": True},
    "efficientnet_b0": {"width": 8},
    "convnext_tiny": {"width": 4, "depths": "1-1"},
}


def network(name: str) -> nn.Module:
    torch.manual_seed(0)
    model = build_network(name, 3, 4, 32, SMALL[name]).double()
    with torch.no_grad():
        for key, value in model.named_parameters():
            if key.endswith("layer_scale"):
                value.fill_(0.5)
        model(torch.rand(8, 3, 32, 32, dtype=torch.float64))
    return model.eval().requires_grad_(False)


BASELINE = torch.zeros(1, 3, 32, 32, dtype=torch.float64)


def contributions(model: nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
    labels, ids = torch.tensor([0, 3]), torch.arange(2)
    options = AttributionOptions()
    question = Question(LayerOutputs(model), images, labels, ids, BASELINE, None, options)
    return dict(ATTRIBUTORS.get("ldl").compute(question))


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_b0"])
def test_contributions_of_the_first_layer_sum_to_the_change_of_the_logit(name: str) -> None:
    model = network(name)
    images = torch.rand(2, 3, 32, 32, dtype=torch.float64)
    first = next(iter(contributions(model, images).values()))
    change = (model(images) - model(BASELINE))[torch.arange(2), [0, 3]]
    assert torch.allclose(first.sum(tuple(range(1, first.ndim))), change, rtol=1e-3, atol=1e-8)


def test_every_layer_behind_layer_normalisations_contributes() -> None:
    model = network("convnext_tiny")
    found = contributions(model, torch.rand(2, 3, 32, 32, dtype=torch.float64))
    assert len(found) == 9
    assert all(torch.isfinite(each).all() and each.abs().max() > 1e-6 for each in found.values())


@pytest.mark.parametrize("name", SMALL)
def test_every_convolution_and_linear_layer_has_neurons(name: str) -> None:
    model = network(name).float()
    layers = [part for part in model.modules() if isinstance(part, (nn.Conv2d, nn.Linear))]
    with Taps(model) as taps:
        model(torch.rand(3, 3, 32, 32))
        batch = taps.take()
    assert len(taps.layers.names) == len(layers)
    assert batch.values.shape == (3, sum(len(layer.weight) for layer in layers))
    assert torch.isfinite(batch.values).all()
