import torch
from torch import nn

from imprint.nets.backbone import Backbone, he_initialise, linear_classifier


class Mean(Backbone):
    """The mean of each channel, and a linear classifier where there are outputs."""

    feature_width = 2

    def __init__(self, outputs: int | None) -> None:
        super().__init__()
        self._modules["classifier"] = linear_classifier(2, outputs)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean((2, 3))


def test_outputs_are_the_classifier_of_the_features() -> None:
    images = torch.rand(3, 2, 4, 4)
    network = Mean(5)
    features, outputs = network.features_and_outputs(images)
    assert network.has_outputs
    assert torch.equal(features, images.mean((2, 3)))
    assert torch.equal(network(images), outputs)
    assert torch.equal(outputs, network.classifier(features))


def test_a_network_without_classifier_ends_in_its_features() -> None:
    images = torch.rand(3, 2, 4, 4)
    network = Mean(None)
    assert not network.has_outputs
    assert network.classifier is None
    assert torch.equal(network(images), network.features(images))


def test_he_initialisation_has_variance_2_over_fan_out() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(64, 128, 3)
    he_initialise(layer)
    assert abs(float(layer.weight.detach().var()) * 128 * 9 / 2 - 1) < 0.05
    assert not layer.bias.any()
