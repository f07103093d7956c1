import pytest
import torch

from imprint.nets.build import build_network
from imprint.nets.shapes import architecture_of, outputs_of, stem_of


@pytest.mark.parametrize(
    ("name", "options", "size"),
    [(f"resnet{depth}", {}, 224) for depth in (18, 34, 50, 101, 152, 200)]
    + [(f"vgg{depth}{norm}", {}, 224) for depth in (11, 13, 16, 19) for norm in ("", "_bn")]
    + [
        ("resnet50", {"width": 128}, 224),
        ("resnet18", {"small_input": True}, 224),
        ("vit", {"patch": 8, "width": 128, "depth": 3}, 48),
        ("vit", {"patch": 16, "width": 384, "depth": 12}, 224),
        ("mobilenet_v2", {}, 224),
        ("mobilenet_v2", {"width": 16}, 224),
        ("efficientnet_b0", {}, 224),
        ("convnext_tiny", {}, 224),
        ("convnext_tiny", {"width": 8, "depths": "1-2", "patch": 2}, 224),
    ],
)
@pytest.mark.parametrize("outputs", [None, 7])
def test_names_and_shapes_tell_the_architecture(name, options, size, outputs) -> None:
    with torch.device("meta"):
        weights = build_network(name, 1, outputs, size, options).state_dict()
    assert architecture_of(weights) == (name, options, size)
    assert outputs_of(weights) == outputs
    assert stem_of(weights).shape[1] == 1


def test_other_names_and_shapes_tell_nothing() -> None:
    cifar = build_network("cifar_resnet20", 3, 10, 32).state_dict()
    assert "conv1.weight" in cifar
    assert architecture_of(cifar) is None
    assert architecture_of({"features.0.weight": torch.zeros(4, 3, 3, 3)}) is None
    assert architecture_of({"patch_embed.proj.weight": torch.zeros(64, 3, 8, 8)}) is None
    assert architecture_of({}) is None
