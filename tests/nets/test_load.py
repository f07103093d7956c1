import json
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.fill import build_model, check_values
from imprint.nets.image_model import ImageModel
from imprint.nets.load import load_model, read_card
from imprint.nets.model_card import ModelCard
from imprint.nets.save import save_model

CARD = ModelCard(
    "cifar_resnet20", 3, 10, 32, (0.1, 0.2, 0.3), (0.5,), training={"objective": "none"}
)
CARDS = {
    "network": CARD,
    "backbone": replace(CARD, outputs=None),
    "projector": replace(CARD, outputs=None, projector="8-4"),
    "projector and classifier": replace(CARD, projector="8-4"),
    "vgg": replace(CARD, architecture="vgg11_bn", options={"small_input": True}),
    "patches": replace(
        CARD, architecture="patch_convnet", options={"width": 8}, channels=1, mean=(0.5,)
    ),
}


def trained(card: ModelCard) -> ImageModel:
    """A model whose statistics, too, are far from fresh ones."""
    model = build_model(card)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand_like(tensor) + ("var" in name))
            else:
                tensor.fill_(7)
    return model.eval()


def outputs(model: ImageModel) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        return model(torch.rand(2, model.channels, 32, 32, generator=generator))


def refused(path, card) -> str:
    with pytest.raises(ImprintError) as caught:
        load_model(path, card)
    return str(caught.value)


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


def test_counters_of_batches_may_be_missing(tmp_path) -> None:
    model = trained(CARD)
    named = {
        name: value
        for name, value in model.network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    torch.save(named, tmp_path / "m.pt")
    loaded = load_model(tmp_path / "m.pt", CARD)
    assert torch.equal(outputs(loaded), outputs(model))
    assert loaded.network.bn1.num_batches_tracked == 0


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


def test_weights_are_written_as_safetensors_alone(tmp_path) -> None:
    with pytest.raises(ImprintError, match=r"written as NAME\.safetensors, not as m\.pt"):
        save_model(tmp_path / "m.pt", trained(CARD), CARD)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_another_architecture_is_told_in_one_sentence(tmp_path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, trained(CARD), CARD)
    assert refused(path, replace(CARD, architecture="cifar_resnet32")) == (
        f"{path} does not hold cifar_resnet32 for 3-channel images of 32 × 32 pixels, 10 outputs "
        "(tensors: 60 missing (layer1.3.conv1.weight, layer1.3.bn1.weight, layer1.3.bn1.bias, …)): "
        "name the architecture and the options it was trained with"
    )
    message = refused(path, replace(CARD, architecture="lenet"))
    assert "(tensors: 9 missing (conv1.bias, conv2.weight, conv2.bias, …)" in message
    assert "left over (bn1.bias, bn1.num_batches_tracked, bn1.running_mean, …)" in message
    assert "1 of another shape (conv1.weight [16, 3, 3, 3] for [6, 3, 5, 5])" in message


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"outputs": 7}, "set outputs to 10"),
        ({"outputs": None}, "set outputs to 10"),
        ({"channels": 1, "mean": (0.5,)}, "set channels to 3"),
    ],
)
def test_the_hint_names_the_value_that_fits(tmp_path, changes, hint) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, trained(CARD), CARD)
    message = refused(path, replace(CARD, **changes))
    assert message.endswith(hint)


def test_a_file_without_classifier_is_told(tmp_path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, trained(CARDS["backbone"]), CARDS["backbone"])
    message = refused(path, CARD)
    assert "2 missing (linear.weight, linear.bias)" in message
    assert message.endswith("set outputs to none, since the file has no classifier")


def test_a_file_without_projector_is_told(tmp_path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, trained(CARDS["backbone"]), CARDS["backbone"])
    message = refused(path, CARDS["projector"])
    assert "missing (projector.0.weight, projector.0.bias, projector.1.weight, …)" in message


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


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("network.linear.weight", lambda t: t.fill_(float("nan")), "values that are NaN or infin"),
        ("network.linear.bias", lambda t: t.fill_(float("inf")), "linear.bias holds 10 of 10"),
        ("network.linear.weight", lambda t: t.to(torch.complex64), "holds torch.complex64 where"),
        ("network.linear.weight", lambda t: t.to(torch.int64), "save the weights as floats"),
        ("network.linear.weight", lambda t: t.double() * 0 + 1e300, "infinite in torch.float32"),
    ],
)
def test_weights_that_no_network_computes_with_are_refused(tmp_path, name, change, message) -> None:
    model = build_model(CARD)
    weights = {f"network.{key}": value for key, value in model.network.state_dict().items()}
    weights[name] = change(weights[name].clone())
    torch.save(weights, tmp_path / "w.pt")
    with pytest.raises(ImprintError, match=message) as caught:
        load_model(tmp_path / "w.pt", CARD)
    assert name.removeprefix("network.") in str(caught.value)


def test_a_buffer_may_hold_infinity_but_running_statistics_may_not(tmp_path) -> None:
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
            self.norm = nn.BatchNorm2d(3)

        def forward(self, images: Tensor) -> Tensor:
            return self.norm(images).flatten(1)

    model = ImageModel(Masked(), 3, 2, (0.0,), (1.0,))
    weights = model.named_weights()
    check_values(tmp_path / "w.pt", weights, model)
    weights["network.norm.running_var"] = torch.tensor([1.0, torch.inf, 1.0])
    with pytest.raises(ImprintError, match=r"tensor norm\.running_var holds 1 of 3 values"):
        check_values(tmp_path / "w.pt", weights, model)
