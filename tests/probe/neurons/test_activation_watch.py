"""Values behind activation functions, of modules and of functions, in place and not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imprint.probe.neurons.neurons import Taps
from imprint.probe.neurons.tap_options import TapOptions
from tests.probe.neurons.tapped import seeded

ACTIVATED = TapOptions(values="activated")


class Functional(nn.Module):
    """A convolution with batch-norm and pooling before its function, and a classifier."""

    def __init__(self, activation: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        self.classifier = nn.Linear(3 * 9, 4)
        self.activation = activation

    def maps(self, images: Tensor) -> Tensor:
        return self.activation(F.max_pool2d(self.norm(self.conv(images)), 2))

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.maps(images).flatten(1))


@pytest.mark.parametrize(
    "activation", [F.relu, torch.relu_, nn.ReLU(inplace=True), nn.GELU(), torch.tanh, nn.PReLU()]
)
def test_a_neuron_is_what_the_function_behind_its_layer_gives(
    activation: Callable[[Tensor], Tensor],
) -> None:
    model, images = Functional(activation).eval(), seeded((5, 2, 8, 8))
    with torch.no_grad(), Taps(model, ACTIVATED) as taps:
        for _ in range(2):  # the first pass finds the layers
            logits = model(images)
            values = taps.take().values
        maps = model.maps(images)
    expected = torch.cat([maps.mean((2, 3)), logits], dim=1)
    torch.testing.assert_close(values, expected)
    assert taps.layers.names == ("conv", "classifier")


def test_a_layer_without_a_function_behind_it_keeps_its_output() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 4), nn.ReLU()).eval()
    inputs = seeded((6, 3))
    with torch.no_grad(), Taps(model, ACTIVATED) as taps:
        model(inputs)
        values = taps.take().values
        first = model[0](inputs)
        torch.testing.assert_close(values, torch.cat([first, model[1](first).relu()], dim=1))


def test_a_pass_that_fails_leaves_nothing_behind() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    with Taps(model, ACTIVATED) as taps:
        with pytest.raises(RuntimeError):
            model(torch.zeros(2, 5))
        model(torch.ones(2, 3))
        assert (taps.take().values >= 0).all()
    assert not torch.overrides._get_current_function_mode_stack()


def test_some_neurons_are_those_of_all() -> None:
    model, images = Functional(F.relu).eval(), seeded((5, 2, 8, 8))
    with torch.no_grad(), Taps(model, ACTIVATED) as taps:
        model(images)
        every = taps.take().values
    with torch.no_grad(), Taps(model, ACTIVATED, {"conv": torch.tensor([2])}) as taps:
        model(images)
        torch.testing.assert_close(taps.take().values, every[:, 2:3])
