"""Taps: every kind of layer against its definition, names, choices, shapes that do not hold."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from imprint.core.errors import ImprintError
from imprint.nets.build import build_network
from imprint.nets.image_model import ImageModel
from imprint.probe.neurons.neurons import Taps
from imprint.probe.neurons.tap_options import TapOptions, choose_layers


def seeded(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


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


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_channel_is_the_mean_over_all_places(axes: int) -> None:
    conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1](2, 3, 3)
    model = nn.Sequential(conv, nn.ReLU(inplace=True))
    images = seeded((4, 2, *(7,) * axes))
    with Taps(model) as taps, torch.no_grad():
        model(images)
        batch = taps.take()
    torch.testing.assert_close(batch.values, conv(images).flatten(2).mean(2).detach())
    assert taps.layers.kinds == (f"Conv{axes}d",)


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


def test_tokens_are_averaged_or_kept() -> None:
    linear, tokens = nn.Linear(4, 3), seeded((2, 5, 4))
    for choice, expected in (
        ("mean", linear(tokens).mean(1)),
        ("each", linear(tokens).flatten(1)),
    ):
        with Taps(linear, TapOptions(tokens=choice)) as taps:  # type: ignore[arg-type]
            linear(tokens)
            torch.testing.assert_close(taps.take().values, expected.detach())


@pytest.mark.parametrize("batch_first", [True, False])
def test_a_head_is_the_length_of_what_it_says(batch_first: bool) -> None:
    attention = nn.MultiheadAttention(8, 2, batch_first=batch_first).eval()
    tokens = seeded((3, 5, 8))
    given = tokens if batch_first else tokens.transpose(0, 1)
    with Taps(attention, TapOptions(tokens="heads")) as taps:
        said, weights = attention(given, given, given, average_attn_weights=False)
        found = taps.take()
    value = nn.functional.linear(
        tokens, attention.in_proj_weight[16:], attention.in_proj_bias[16:]
    ).reshape(3, 5, 2, 4)
    by_head = torch.einsum("bhts,bshd->bthd", weights, value)
    torch.testing.assert_close(found.values, by_head.norm(dim=-1).mean(1).detach())
    again = attention(given, given, given)[0]
    torch.testing.assert_close(said, again)


def test_a_transformer_is_seen_though_torch_has_a_fast_path_around_its_layers() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    with Taps(layer) as taps, torch.no_grad():
        layer(seeded((3, 5, 8)))
        taps.take()
    assert taps.layers.names == ("self_attn", "linear1", "linear2")
    assert taps.layers.widths == (8, 16, 8)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_hidden_units_of_a_recurrent_layer(kind: type[nn.RNN]) -> None:
    layer, sequences = kind(3, 4, batch_first=True), seeded((2, 5, 3))
    states = layer(sequences)[0].detach()
    with Taps(layer, TapOptions(step_limit=7)) as taps:
        layer(sequences)
        batch = taps.take()
        assert taps.layers.widths == (4,) * 7
    torch.testing.assert_close(batch.values[:, :20], states.flatten(1))
    assert not batch.values[:, 20:].any()
    for choice, expected in (("last", states[:, -1]), ("mean", states.mean(1))):
        with Taps(layer, TapOptions(steps=choice)) as taps:  # type: ignore[arg-type]
            layer(sequences)
            torch.testing.assert_close(taps.take().values, expected)


def test_steps_behind_the_end_of_a_sequence_do_not_count() -> None:
    layer, sequences = nn.GRU(3, 4, batch_first=True), seeded((2, 5, 3))
    packed = pack_padded_sequence(sequences, torch.tensor([5, 2]), batch_first=True)
    states = layer(sequences)[0].detach()
    for choice, expected in (
        ("last", torch.stack([states[0, 4], states[1, 1]])),
        ("mean", torch.stack([states[0].mean(0), states[1, :2].mean(0)])),
    ):
        with Taps(layer, TapOptions(steps=choice)) as taps:  # type: ignore[arg-type]
            layer(packed)
            torch.testing.assert_close(taps.take().values, expected)


class Windows(nn.Module):
    """Shows a linear layer four windows of each input, as shifted-window transformers do."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(3, 3)
        self.linear = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        shown: Tensor = self.linear(self.stem(x).reshape(-1, 4, 3))
        return shown


def test_windows_of_one_input_are_averaged() -> None:
    model, inputs = Windows(), seeded((5, 16, 3))
    for names in ((), ("linear",)):
        with Taps(model, TapOptions(names=names)) as taps:
            taps.discover(inputs[:2])
            model(inputs)
            values = taps.take().of("linear")
        torch.testing.assert_close(values, model.linear(model.stem(inputs)).mean(1).detach())


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


def test_choices_narrow_one_another_down() -> None:
    names = ("stem", "a.0", "a.1", "b", "b#1", "head")
    assert choose_layers(names, TapOptions(final=False, third="last")) == [4]
    assert choose_layers(names, TapOptions(names=("a", "b"), indices=(0, 3))) == [1, 4]
    assert choose_layers(names, TapOptions(excluded=("b",))) == [0, 1, 2, 5]
    for wrong in (
        TapOptions(names=("c",)),
        TapOptions(indices=(6,)),
        TapOptions(names=("head",), final=False),
    ):
        with pytest.raises(ImprintError):
            choose_layers(names, wrong)


def test_a_module_without_layers_is_refused_and_hooks_are_gone_afterwards() -> None:
    with pytest.raises(ImprintError, match="no linear"), Taps(nn.ReLU()):
        pass
    model = Reused()
    with Taps(model):
        model(seeded((1, 5)))
    assert not any(module._forward_hooks for module in model.modules())
    assert not model._forward_pre_hooks
