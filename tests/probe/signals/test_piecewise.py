import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from imprint.nets.fill import build_model
from imprint.nets.model_card import ModelCard
from imprint.probe.signals.piecewise import is_piecewise_linear

IMAGE = torch.rand(1, 3, 32, 32)


class Calling(nn.Module):
    """A network whose non-linearity is a function, not a module."""

    def __init__(self, function) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)
        self.function = function

    def forward(self, images: Tensor) -> Tensor:
        return self.last(self.function(self.first(images)).mean((2, 3)))


@pytest.mark.parametrize("name", ["lenet", "cifar_resnet20", "patch_convnet"])
def test_relu_networks_are(name: str) -> None:
    network = build_model(ModelCard(name, 3, 10, 32, (0.5,), (0.25,))).eval()
    assert is_piecewise_linear(network, network, IMAGE)
    assert not is_piecewise_linear(network.train(), network, IMAGE)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (F.relu, True),
        (F.leaky_relu, True),
        (F.hardtanh, True),
        (lambda maps: maps.clamp(0, 6), True),
        (lambda maps: torch.where(maps > 0, maps, 0.1 * maps), True),
        (lambda maps: F.max_pool2d(maps, 2) + 2 * F.avg_pool2d(maps, 2), True),
        (F.gelu, False),
        (F.silu, False),
        (torch.sigmoid, False),
        (lambda maps: maps * maps, False),
        (lambda maps: maps / (1 + maps.abs()), False),
        (lambda maps: 1 / maps, False),
        (lambda maps: maps / maps.std(), False),
    ],
)
def test_functions_called_in_forward_are_seen(function, expected: bool) -> None:
    network = Calling(function).eval()
    assert is_piecewise_linear(network, network, IMAGE) is expected


def test_batch_statistics_in_evaluation_are_refused() -> None:
    network = nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False), nn.Flatten()).eval()
    assert not is_piecewise_linear(network, network, IMAGE)


def test_a_model_without_gradients_is_unknown() -> None:
    network = Calling(F.relu).eval()
    assert not is_piecewise_linear(network, lambda images: network(images.detach()).detach(), IMAGE)
