"""Taps: every kind of layer against its definition, names, choices, shapes that do not hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.build import build_network
from imprint.nets.image_model import ImageModel
from imprint.probe.neurons.neurons import Taps
from imprint.probe.neurons.tap_options import NeuronValues, TapOptions
from tests.probe.neurons.tapped import seeded


class Reused(nn.Module):
    """Calls one layer twice, never another."""

    def __init__(self) -> None:
        super().__init__()
        self.never = nn.Linear(5, 5)
        self.shared = nn.Linear(5, 5)
        self.last = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu_(self.shared(x))
        logits: Tensor = self.last(torch.relu_(self.shared(x)))
        return logits


def test_calls_are_named_and_an_in_place_activation_behind_a_layer_changes_nothing() -> None:
    model, inputs = Reused(), seeded((6, 5))
    with Taps(model) as taps:
        model(inputs)
        batch = taps.take(torch.arange(6))
    first = model.shared(inputs)
    second = model.shared(first.relu())
    assert taps.layers.names == ("shared", "shared#1", "last")
    # The reduction of a linear layer over one vector is the vector: it must be a copy.
    torch.testing.assert_close(batch.of("shared"), first.detach())
    torch.testing.assert_close(batch.of("shared#1"), second.detach())
    assert not batch.values.requires_grad
    assert batch.labels is not None
    assert len(batch) == 6


def test_the_layers_of_a_model_bear_the_names_of_its_checkpoint() -> None:
    network = build_network("lenet", 1, 10, 32)
    model = ImageModel(network, 1, 32, (0.5,), (0.5,)).eval()
    with Taps(model, TapOptions(final=False)) as taps:
        layers = taps.discover(torch.rand(2, 1, 32, 32))
        assert layers.names == ("conv1", "conv2", "fc1", "fc2")
        model.embed(torch.rand(3, 1, 32, 32), "backbone")
        batch = taps.take()
    assert layers.widths == (6, 16, 120, 84)
    assert batch.values.shape == (3, 226)
    assert not network.get_submodule("fc1")._forward_hooks


@pytest.mark.parametrize("values", ["raw", "activated"])
def test_neurons_of_lenet_are_those_of_sums_over_windows(values: NeuronValues) -> None:
    """Correlation, pooling and products by NumPy alone; a channel is the mean of its map."""
    torch.manual_seed(0)
    network = build_network("lenet", 1, 10, 16).eval()
    weights = {name: part.numpy().astype(float) for name, part in network.state_dict().items()}
    images = seeded((2, 1, 16, 16))
    with torch.no_grad(), Taps(network, TapOptions(values=values)) as taps:
        network(images)
        found = taps.take()

    def rectified(array: np.ndarray) -> np.ndarray:
        return np.maximum(array, 0)

    grid, expected = images.numpy().astype(float), {}
    for name in ("conv1", "conv2"):
        windows = np.lib.stride_tricks.sliding_window_view(grid, (5, 5), axis=(2, 3))
        maps = np.einsum("bcyxij,ocij->boyx", windows, weights[f"{name}.weight"])
        maps += weights[f"{name}.bias"][:, None, None]
        expected[name] = (maps if values == "raw" else rectified(maps)).mean((2, 3))
        count, channels, side = maps.shape[:3]
        blocks = rectified(maps)[:, :, : side // 2 * 2, : side // 2 * 2]
        grid = blocks.reshape(count, channels, side // 2, 2, side // 2, 2).max((3, 5))
    vector = grid.reshape(2, -1)
    for name in ("fc1", "fc2", "fc3"):
        units = vector @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        vector = rectified(units)
        expected[name] = units if values == "raw" or name == "fc3" else vector
    assert found.layers.names == tuple(expected)
    for name, each in expected.items():
        np.testing.assert_allclose(found.of(name).numpy(), each, rtol=1e-4, atol=1e-6, err_msg=name)


def test_a_transformer_is_seen_though_torch_has_a_fast_path_around_its_layers() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    with Taps(layer) as taps, torch.no_grad():
        layer(seeded((3, 5, 8)))
        taps.take()
    assert taps.layers.names == ("self_attn", "linear1", "linear2")
    assert taps.layers.widths == (8, 16, 8)


def test_half_precision_is_reduced_in_float32() -> None:
    conv = nn.Conv2d(1, 1, 1).to(torch.bfloat16)
    images = seeded((1, 1, 40, 40)).to(torch.bfloat16)
    with Taps(conv) as taps, torch.no_grad():
        out = conv(images)
        found = taps.take().values
    assert found.dtype == torch.float32
    torch.testing.assert_close(found[0, 0], out.float().mean(), rtol=1e-5, atol=1e-6)


def test_a_batch_of_another_shape_is_refused() -> None:
    model = nn.Linear(4, 3)
    with Taps(model, TapOptions(tokens="each")) as taps:
        model(seeded((2, 5, 4)))
        taps.take()
        model(seeded((2, 6, 4)))
        with pytest.raises(ImprintError, match="inputs of one shape"):
            taps.take()
        model(seeded((2, 5, 4)))
        model(seeded((2, 5, 4)))
        with pytest.raises(ImprintError, match="one pass between"):
            taps.take()
        with pytest.raises(ImprintError, match="no layer ran"):
            taps.take()


def test_a_module_without_layers_is_refused_and_hooks_are_gone_afterwards() -> None:
    with pytest.raises(ImprintError, match="no linear"), Taps(nn.ReLU()):
        pass
    model = Reused()
    with Taps(model):
        model(seeded((1, 5)))
    assert not any(module._forward_hooks for module in model.modules())
    assert not model._forward_pre_hooks
