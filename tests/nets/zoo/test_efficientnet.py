import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.nets.build import build_network
from imprint.nets.zoo.efficientnet import SqueezeExcitation
from tests.nets.zoo.small_networks import batch_norm, on_meta

BLOCKS = (1, 2, 2, 3, 3, 4, 1)


def normed(name: str) -> set[str]:
    return {f"{name}.0.weight", *batch_norm(f"{name}.1")}


def test_efficientnet_b0_has_the_names_of_torchvision() -> None:
    expected = {"classifier.1.weight", "classifier.1.bias"}
    expected |= normed("features.0") | normed("features.8")
    for stage, count in enumerate(BLOCKS, 1):
        for block in range(count):
            at, squeeze = f"features.{stage}.{block}.block", 1 if stage == 1 else 2
            for layer in (*range(squeeze), squeeze + 1):
                expected |= normed(f"{at}.{layer}")
            for layer in ("fc1", "fc2"):
                expected |= {f"{at}.{squeeze}.{layer}.{kind}" for kind in ("weight", "bias")}
    assert set(on_meta("efficientnet_b0").state_dict()) == expected


def test_excitation_scales_each_channel_by_a_share() -> None:
    layer = SqueezeExcitation(2, 1)
    with torch.no_grad():
        layer.fc2.weight.zero_()
        layer.fc2.bias.copy_(torch.tensor([0.0, 100.0]))
    grid = torch.full((1, 2, 3, 3), 4.0)
    assert layer(grid)[0, :, 0, 0].tolist() == [2.0, 4.0]


def test_no_width_is_refused() -> None:
    with pytest.raises(ImprintError, match="width must be at least 1, got 0"):
        build_network("efficientnet_b0", 3, 10, 32, {"width": 0})
