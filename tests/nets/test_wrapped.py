"""Any module whose output has the card's columns is a classifier."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from imprint.core.errors import ImprintError
from imprint.nets.image_model import ImageModel
from imprint.nets.outputs import OutputRule
from imprint.nets.wrapped import as_backbone

IMAGES = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Plain(nn.Module):
    """A convolutional network with ``forward`` alone, its layers registered out of order."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(6, 5)
        self.unused = nn.Linear(3, 3)
        self.conv = nn.Conv2d(3, 4, 3)
        self.hidden = nn.Linear(4 * 36, 6)

    def hidden_values(self, images: Tensor) -> Tensor:
        return self.hidden(self.conv(images).relu().flatten(1)).relu()

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.hidden_values(images))


class Convolutional(nn.Module):
    """Ends in a convolution of 1 x 1 and a mean over places: no linear layer at all."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 7, 3)
        self.classes = nn.Conv2d(7, 5, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.classes(self.body(images).relu()).mean((2, 3))


class Recurrent(nn.Module):
    """Reads the rows of an image one after another."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3 * 8, 9, batch_first=True)
        self.classes = nn.Linear(9, 5)

    def forward(self, images: Tensor) -> Tensor:
        states, _ = self.lstm(images.transpose(1, 2).flatten(2))
        return self.classes(states[:, -1])


class Bare(nn.Module):
    """No layer that is a module."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(5, 3))

    def forward(self, images: Tensor) -> Tensor:
        return functional.linear(images.mean((2, 3)), self.weight)


def test_features_of_a_plain_classifier_are_the_input_of_the_last_linear_layer_that_runs() -> None:
    module = Plain().eval()
    network = as_backbone(module, 3, 8, OutputRule(5))
    assert network.has_outputs
    assert network.classifier is module.last
    assert network.feature_width == 6
    features, outputs = network.features_and_outputs(IMAGES)
    assert torch.equal(outputs, module(IMAGES))
    assert torch.equal(features, module.hidden_values(IMAGES))
    assert torch.equal(network.features(IMAGES), features)
    assert not module.last._forward_pre_hooks


def test_the_linear_layer_that_gives_the_output_counts_though_another_runs_later() -> None:
    class Aside(Plain):
        def forward(self, images: Tensor) -> dict[str, Tensor]:
            hidden = self.hidden_values(images)
            return {"scores": self.last(hidden), "aside": self.unused(hidden[:, :3])}

    module = Aside().eval()
    network = as_backbone(module, 3, 8, OutputRule(5))
    assert network.classifier is module.last
    assert network.feature_width == 6
    assert torch.equal(network(IMAGES), module(IMAGES)["scores"])


def test_features_without_a_linear_layer_are_means_of_the_last_convolutions_input() -> None:
    module = Convolutional().eval()
    network = as_backbone(module, 3, 8, OutputRule(5))
    assert (network.has_outputs, network.classifier, network.feature_width) == (True, None, 7)
    assert torch.allclose(network.features(IMAGES), module.body(IMAGES).relu().mean((2, 3)))
    assert torch.equal(network(IMAGES), module(IMAGES))


@pytest.mark.parametrize(("kind", "width"), [(Recurrent, 9), (Bare, 5)])
def test_a_model_of_a_plain_module_has_logits(kind, width) -> None:
    module = kind().eval()
    model = ImageModel(module, 3, 8, (0.0,), (1.0,), output=OutputRule(5))
    assert model.has_logits
    assert model.network.feature_width == width
    layers = model.embed_layers(IMAGES, ("backbone", "logits"))
    assert torch.equal(layers["logits"], module(IMAGES))
    assert layers["backbone"].shape == (4, width)


def test_a_module_with_features_and_another_name_for_its_classifier_has_logits() -> None:
    class Named(Plain):
        def features(self, images: Tensor) -> Tensor:
            return self.hidden_values(images)

    module = Named().eval()
    network = as_backbone(module, 3, 8, OutputRule(5))
    assert network.classifier is module.last
    assert torch.equal(network(IMAGES), module.last(network.features(IMAGES)))


@pytest.mark.parametrize("outputs", [4, 10])
def test_outputs_that_the_card_does_not_say_are_refused(outputs) -> None:
    with pytest.raises(ImprintError, match=rf"of shape \[1, 5\] .* says outputs {outputs}"):
        as_backbone(Plain(), 3, 8, OutputRule(outputs))
