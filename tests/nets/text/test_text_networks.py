"""Classifiers of token ids: what they compute, their files, and their place among predictors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from imprint.core.errors import ImprintError
from imprint.nets.predictor.predictor import as_predictor
from imprint.nets.text.registry import TEXT_ARCHITECTURES, mean_of_tokens
from imprint.nets.text.text_card import (
    TextCard,
    build_text_network,
    load_text_network,
    save_text_network,
    text_card_beside,
)
from imprint.nets.text.transformer import Heads

SMALL = {
    "lstm_classifier": {"width": 4, "hidden": 6},
    "transformer_classifier": {"width": 8, "depth": 2, "heads": 2},
}
IDS = torch.tensor([[2, 3, 4, 0, 0], [5, 2, 0, 0, 0], [2, 2, 2, 2, 2]])


def card(name: str) -> TextCard:
    return TextCard(name, 9, 3, 5, SMALL[name])


def test_every_architecture_is_tried() -> None:
    assert set(TEXT_ARCHITECTURES.names()) == set(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_padding_changes_nothing(name: str) -> None:
    network = build_text_network(card(name))
    with torch.no_grad():
        logits = network(IDS)
        alone = network(IDS[1:2, :2])
        nothing = network(torch.zeros(1, 5, dtype=torch.int64))
    assert logits.shape == (3, 3)
    assert torch.allclose(logits[1:2], alone, atol=1e-6)
    assert torch.isfinite(nothing).all()
    assert torch.allclose(network.classifier(network.features(IDS)), logits)


@pytest.mark.parametrize("name", SMALL)
def test_weights_depend_on_the_seed_alone(name: str) -> None:
    one, same, other = (build_text_network(card(name), seed)(IDS) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_mean_is_over_the_tokens_of_each_text() -> None:
    values = torch.tensor([[[1.0], [3.0], [8.0]], [[5.0], [7.0], [9.0]]])
    present = torch.tensor([[True, True, False], [False, False, False]])
    assert mean_of_tokens(values, present).tolist() == [[2.0], [0.0]]


def test_heads_attend_to_tokens_of_their_own_text() -> None:
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 1, 4, 6).unbind(0)
    present = torch.tensor([[True, True, True, False]])
    found = Heads(2)(query, key, value, present)
    for head in range(2):
        part = slice(3 * head, 3 * head + 3)
        scores = query[0, :, part] @ key[0, :3, part].T / 3**0.5
        wanted = functional.softmax(scores, 1) @ value[0, :3, part]
        assert torch.allclose(found[0, :, part], wanted, atol=1e-6)


@pytest.mark.parametrize("name", SMALL)
def test_a_saved_network_is_a_predictor(name: str, tmp_path: Path) -> None:
    network, path = build_text_network(card(name)), tmp_path / "net.safetensors"
    save_text_network(path, network, card(name))
    assert text_card_beside(path) == card(name)
    predictor = as_predictor(path)
    with torch.no_grad():
        assert np.array_equal(predictor.predict(IDS.numpy(), None), network(IDS).numpy())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vocabulary": 0}, "vocabulary must be a whole number from 1 to"),
        ({"outputs": True}, "outputs must be a whole number"),
        ({"length": None}, "length must be a whole number"),
        ({"options": {"nope": 1}}, "has no option 'nope'; it has: depth, hidden, width"),
        ({"options": {"depth": 1.5}}, "option depth must be a whole number"),
        ({"options": []}, "options must be keys and values"),
        ({"extra": 1}, "unknown key 'extra'"),
        ({"vocabulary": 10}, "does not hold lstm_classifier with 10 ids"),
        ({"options": {"hidden": 60_000}}, "much larger than the file of weights"),
    ],
)
def test_cards_that_do_not_fit_are_refused(tmp_path: Path, change, message: str) -> None:
    path = tmp_path / "net.safetensors"
    save_text_network(path, build_text_network(card("lstm_classifier")), card("lstm_classifier"))
    content = {**json.loads((tmp_path / "net.json").read_text()), **change}
    (tmp_path / "net.json").write_text(json.dumps(content))
    with pytest.raises(ImprintError, match=message):
        as_predictor(path)


def test_missing_keys_and_damaged_weights_are_named(tmp_path: Path) -> None:
    path, network = tmp_path / "net.safetensors", build_text_network(card("lstm_classifier"))
    with torch.no_grad():
        network.classifier.bias[0] = float("nan")
    save_text_network(path, network, card("lstm_classifier"))
    with pytest.raises(ImprintError, match=r"tensor classifier\.bias holds values that are NaN"):
        load_text_network(path, card("lstm_classifier"))
    (tmp_path / "net.json").write_text('{"architecture": "lstm_classifier", "outputs": 2}')
    with pytest.raises(ImprintError, match="does not say vocabulary, length"):
        text_card_beside(path)


def test_heads_must_share_the_width() -> None:
    with pytest.raises(ImprintError, match="width a multiple of heads, got 64, 2 and 5"):
        build_text_network(TextCard("transformer_classifier", 9, 3, 5, {"heads": 5}))
