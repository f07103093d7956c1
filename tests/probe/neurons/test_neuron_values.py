from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from imprint.nets.text.lstm import build as build_lstm
from imprint.nets.text.transformer import build as build_transformer
from imprint.probe.neurons.neurons import Taps
from imprint.probe.neurons.tap_options import Steps, TapOptions, Tokens
from tests.probe.neurons.tapped import seeded


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


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_transposed_convolution_has_a_neuron_a_channel(axes: int) -> None:
    kind = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[axes - 1]
    conv = kind(2, 3, 3, stride=2)
    images = seeded((4, 2, *(5,) * axes))
    with Taps(conv) as taps, torch.no_grad():
        conv(images)
        batch = taps.take()
    torch.testing.assert_close(batch.values, conv(images).flatten(2).mean(2).detach())


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


IDS = torch.tensor([[2, 3, 4, 0, 0], [5, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
"""Texts of three tokens, of one and of none."""


@pytest.mark.parametrize("tokens", ["mean", "heads"])
def test_padding_is_no_token(tokens: Tokens) -> None:
    network = build_transformer(6, 2, 5, width=4, depth=1, heads=2).eval()
    name = "blocks.0.attention.heads" if tokens == "heads" else "blocks.0.widen"
    with Taps(network, TapOptions(tokens=tokens)) as taps, torch.no_grad():
        network(IDS)
        first = taps.take().of(name)
        network(IDS)
        torch.testing.assert_close(taps.take().of(name), first)
    with Taps(network, TapOptions(tokens=tokens)) as taps, torch.no_grad():
        for row, length in ((0, 3), (1, 1)):
            network(IDS[row : row + 1, :length])
            torch.testing.assert_close(taps.take().of(name)[0], first[row])
    assert not first[2].any()


@pytest.mark.parametrize("steps", ["each", "last", "mean"])
def test_steps_of_padding_are_behind_the_end(steps: Steps) -> None:
    network = build_lstm(6, 2, 5, width=4, hidden=3).eval()
    with Taps(network, TapOptions(steps=steps, step_limit=5, names=("lstm",))) as taps:
        network(IDS)
        padded = taps.take().values
        for row, length in ((0, 3), (1, 1)):
            network(IDS[row : row + 1, :length])
            torch.testing.assert_close(taps.take().values[0], padded[row])
    assert not padded[2].any()


def test_a_network_of_others_says_nothing_of_padding() -> None:
    model, tokens = nn.Sequential(nn.Linear(3, 2)), seeded((2, 4, 3))
    with Taps(model) as taps:
        values = model(tokens)
        torch.testing.assert_close(taps.take().values, values.mean(1).detach())
