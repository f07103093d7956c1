from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.fill import build_model, check_values
from imprint.nets.image_model import ImageModel
from imprint.nets.load import load_model
from imprint.nets.save import save_model
from tests.nets.saved_models import (
    CARD,
    CARDS,
    outputs,
    refused,
    trained,
)


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


def test_a_checkpoint_of_another_architecture_is_rejected_in_one_sentence(tmp_path) -> None:
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


def test_a_file_without_classifier_is_rejected(tmp_path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, trained(CARDS["backbone"]), CARDS["backbone"])
    message = refused(path, CARD)
    assert "2 missing (linear.weight, linear.bias)" in message
    assert message.endswith("set outputs to none, since the file has no classifier")


def test_a_file_without_projector_is_rejected(tmp_path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, trained(CARDS["backbone"]), CARDS["backbone"])
    message = refused(path, CARDS["projector"])
    assert "missing (projector.0.weight, projector.0.bias, projector.1.weight, …)" in message


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
