import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.fill import build_model
from imprint.nets.image_model import ImageModel
from imprint.nets.model_card import ModelCard
from imprint.nets.outputs import OutputRule
from imprint.probe.signals.loss_gradients import input_gradient_norm, last_layer_gradient_norm

LABELS = torch.tensor([0, 2, 1])


def lenet(**changes: str) -> ImageModel:
    torch.manual_seed(0)
    card = ModelCard("lenet", 3, 10, 32, (0.5,), (0.25,), **changes)
    return build_model(card).double().eval()


def images() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(3, 3, 32, 32, generator=generator, dtype=torch.float64)


def test_input_gradients_are_those_of_one_image_at_a_time_in_units_of_scale() -> None:
    network = lenet()
    found = input_gradient_norm(network, images(), LABELS, 0.25)
    for image, label, norm in zip(images(), LABELS, found, strict=True):
        alone = image[None].requires_grad_()
        F.cross_entropy(network(alone), label[None]).backward()
        assert norm.item() == pytest.approx(0.25 * alone.grad.norm().item(), rel=1e-9)


@pytest.mark.parametrize("projector", ["", "8-5"])
def test_last_layer_gradients_are_those_of_autograd(projector: str) -> None:
    network = lenet(projector=projector)
    layer = network.head if projector else network.network.classifier
    layer = layer[-1] if isinstance(layer, nn.Sequential) else layer
    found = last_layer_gradient_norm(network, images(), LABELS)
    for image, label, norm in zip(images(), LABELS, found, strict=True):
        losses = F.cross_entropy(network(image[None]), label[None])
        parts = torch.autograd.grad(losses, [layer.weight, layer.bias])
        expected = torch.cat([part.flatten() for part in parts]).norm()
        assert norm.item() == pytest.approx(expected.item(), rel=1e-9)


def test_confident_records_keep_their_digits() -> None:
    network = ImageModel(nn.Flatten(), 1, 1, (0.0,), (1.0,), head=nn.Linear(1, 2, bias=False))
    with torch.no_grad():
        network.head.weight.copy_(torch.tensor([[30.0], [0.0]]))
    found = last_layer_gradient_norm(network.eval(), torch.ones(1, 1, 1, 1), torch.tensor([0]))
    assert found.item() == pytest.approx(np.sqrt(2) * np.exp(-30), rel=1e-5)


class Averaged(nn.Module):
    """Logits are means over places of a convolution; a layer that leads nowhere runs last."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3)
        self.last = nn.Conv2d(4, 5, 1)
        self.aside = nn.Conv2d(4, 5, 1)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.first(images).relu()
        logits = self.last(maps).mean((2, 3))
        self.aside(maps)
        return logits


def test_without_linear_logits_the_last_layer_that_leads_to_them_counts() -> None:
    torch.manual_seed(0)
    module = Averaged().double()
    network = ImageModel(module.float(), 3, 32, (0.5,), (0.25,), output=OutputRule(5))
    network = network.double().eval()
    found = last_layer_gradient_norm(network, images(), LABELS)
    for image, label, norm in zip(images(), LABELS, found, strict=True):
        losses = F.cross_entropy(network(image[None]), label[None])
        parts = torch.autograd.grad(losses, [module.last.weight, module.last.bias])
        expected = torch.cat([part.flatten() for part in parts]).norm()
        assert norm.item() == pytest.approx(expected.item(), rel=1e-9)


def test_logits_that_go_through_a_rectifier_have_the_gradient_of_the_linear_layer() -> None:
    torch.manual_seed(0)
    head = nn.Sequential(nn.Linear(4, 2), nn.ReLU())
    network = ImageModel(nn.Flatten(), 1, 2, (0.0,), (1.0,), head=head).eval()
    inputs = torch.ones(1, 1, 2, 2)
    found = last_layer_gradient_norm(network, inputs, torch.tensor([0]))
    losses = F.cross_entropy(network(inputs), torch.tensor([0]))
    parts = torch.autograd.grad(losses, [head[0].weight, head[0].bias])
    assert found.item() == pytest.approx(
        torch.cat([part.flatten() for part in parts]).norm().item()
    )


def test_a_network_without_parameters_has_no_last_layer() -> None:
    network = ImageModel(nn.Flatten(), 1, 2, (0.0,), (1.0,), output=OutputRule(4)).eval()
    with pytest.raises(ImprintError, match="no layer of the network with parameters leads to its"):
        last_layer_gradient_norm(network, torch.ones(1, 1, 2, 2), torch.tensor([0]))
