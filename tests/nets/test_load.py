import json

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.nets.load import load_model, network_file
from imprint.nets.save import save_model
from imprint.study.options import WeightsChoice
from tests.nets.saved_models import CARD, outputs, refused, trained


def test_loading_leaves_the_global_generator_alone(tmp_path) -> None:
    save_model(tmp_path / "m.safetensors", trained(CARD), CARD)
    before = torch.random.get_rng_state()
    load_model(tmp_path / "m.safetensors")
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "network.", "module.network."])
def test_a_state_dict_of_the_network_alone_is_enough(tmp_path, prefix) -> None:
    model = trained(CARD)
    named = {prefix + name: value for name, value in model.network.state_dict().items()}
    torch.save({"state_dict": named, "epoch": 1}, tmp_path / "m.pth")
    loaded = load_model(tmp_path / "m.pth", CARD)
    assert torch.equal(outputs(loaded), outputs(model))


def test_overrides_stand_for_a_card_or_change_the_one_there_is(tmp_path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, trained(CARD), CARD)
    assert load_model(path, {"mean": [0.25]}).mean.flatten().tolist() == [0.25]
    (tmp_path / "m.json").unlink()
    assert load_model(path, CARD.to_json()).mean.flatten().tolist() == pytest.approx(CARD.mean)


def test_no_card(tmp_path) -> None:
    save_model(tmp_path / "m.safetensors", trained(CARD), CARD)
    (tmp_path / "m.json").unlink()
    message = refused(tmp_path / "m.safetensors", None)
    assert "no card" in message
    assert "say the architecture, channels, outputs, input_size, mean and std" in message
    message = refused(tmp_path / "m.safetensors", {"architecture": "lenet", "outputs": 10})
    assert message == (
        "what was said of m.safetensors does not say channels, input_size, mean, std: add it"
    )


def test_a_damaged_card(tmp_path) -> None:
    save_model(tmp_path / "m.safetensors", trained(CARD), CARD)
    (tmp_path / "m.json").write_text("[1]")
    assert "m.json must hold keys and values" in refused(tmp_path / "m.safetensors", None)
    (tmp_path / "m.json").write_text("{")
    assert "m.json is damaged" in refused(tmp_path / "m.safetensors", None)


def test_a_card_that_is_named_is_read_in_place_of_the_one_beside(tmp_path) -> None:
    path, card = tmp_path / "m.safetensors", tmp_path / "elsewhere.json"
    save_model(path, trained(CARD), CARD)
    card.write_text(json.dumps({**CARD.to_json(), "mean": [0.25]}))
    (tmp_path / "m.json").write_text('{"chanels": 1}')
    network = network_file(path, WeightsChoice(card=card))
    assert network.load().mean.flatten().tolist() == [0.25]
    card.write_text('{"architecture": "mlp", "outputs": 10}')
    with pytest.raises(ImprintError, match=r"elsewhere\.json does not say channels, input_size"):
        _ = network_file(path, WeightsChoice(card=card)).card
