import pytest
import torch
from torch import nn

from imprint.core.errors import ImprintError
from imprint.train.probe_files import ProbeCard, load_probes, save_probes
from imprint.train.probe_options import ProbeOptions

LAYERS = {"backbone": nn.Linear(4, 3), "projector_1": nn.Linear(2, 3)}
CARD = ProbeCard(
    "abc", {"backbone": 4, "projector_1": 2}, ("a", "b", "c"), "def", ProbeOptions(epochs=3), 5
)


def test_probes_come_back_as_they_were_written(tmp_path):
    save_probes(tmp_path / "probes.safetensors", LAYERS, CARD)
    layers, card = load_probes(tmp_path / "probes.safetensors")
    assert card == CARD
    for depth, layer in LAYERS.items():
        assert torch.equal(layers[depth].weight, layer.weight)
        assert torch.equal(layers[depth].bias, layer.bias)


def test_weights_of_another_shape_than_the_card_says_are_refused(tmp_path):
    file = tmp_path / "probes.safetensors"
    save_probes(file, {**LAYERS, "backbone": nn.Linear(5, 3)}, CARD)
    with pytest.raises(ImprintError, match=r"does not hold the probes of its card probes\.json"):
        load_probes(file)
    save_probes(file, {"backbone": LAYERS["backbone"]}, CARD)
    with pytest.raises(ImprintError, match=r"does not hold the probes of its card probes\.json"):
        load_probes(file)


def test_a_missing_card_is_named(tmp_path):
    with pytest.raises(ImprintError, match=r"no probes\.json"):
        load_probes(tmp_path / "probes.safetensors")
