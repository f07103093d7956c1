import json

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.nets.load import load_model, read_card
from imprint.nets.save import save_model
from tests.nets.saved_models import CARD, CARDS, outputs, trained


@pytest.mark.parametrize("kind", CARDS)
def test_what_is_saved_comes_back_bit_for_bit(tmp_path, kind) -> None:
    model = trained(CARDS[kind])
    path = tmp_path / "runs" / "model.safetensors"
    save_model(path, model, CARDS[kind])
    loaded = load_model(path)
    assert read_card(path) == CARDS[kind]
    assert not loaded.training
    expected, found = model.state_dict(), loaded.state_dict()
    assert expected.keys() == found.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert torch.equal(outputs(loaded), outputs(model))
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "model.json",
        "model.safetensors",
    ]


def test_saving_again_gives_the_same_bytes(tmp_path) -> None:
    save_model(tmp_path / "a.safetensors", trained(CARD), CARD)
    save_model(tmp_path / "b.safetensors", load_model(tmp_path / "a.safetensors"), CARD)
    for suffix in ("safetensors", "json"):
        first, second = (tmp_path / f"{name}.{suffix}" for name in "ab")
        assert first.read_bytes() == second.read_bytes()


def test_weights_are_written_as_safetensors_alone(tmp_path) -> None:
    with pytest.raises(ImprintError, match=r"written as NAME\.safetensors, not as m\.pt"):
        save_model(tmp_path / "m.pt", trained(CARD), CARD)
    assert list(tmp_path.iterdir()) == []


def test_a_card_is_plain_json(tmp_path) -> None:
    save_model(tmp_path / "m.safetensors", trained(CARD), CARD)
    assert json.loads((tmp_path / "m.json").read_text()) == {
        "architecture": "cifar_resnet20",
        "channels": 3,
        "outputs": 10,
        "input_size": 32,
        "mean": [0.1, 0.2, 0.3],
        "std": [0.5],
        "options": {},
        "projector": "",
        "training": {"objective": "none"},
    }
