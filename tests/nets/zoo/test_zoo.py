import pytest
import torch
from torch import nn

from imprint.nets.build import build_network
from tests.nets.zoo.small_networks import count, on_meta

SMALL = {
    "cifar_resnet20": {},
    "convnext_tiny": {"width": 4, "depths": "1-2"},
    "efficientnet_b0": {"width": 8},
    "lenet": {},
    "mlp": {"widths": "24-12"},
    "mobilenet_v2": {"width": 8, "small_input": True},
    "patch_convnet": {"width": 8},
    "resnet18": {"small_input": True},
    "resnet50": {},
    "vgg11": {"small_input": True},
    "vgg11_bn": {"small_input": True},
    "vit_tiny": {"patch": 8, "depth": 1},
}

WIDTHS = {
    "cifar_resnet20": 64,
    "convnext_tiny": 8,
    "efficientnet_b0": 320,
    "lenet": 84,
    "mlp": 12,
    "mobilenet_v2": 1280,
    "patch_convnet": 16,
    "resnet18": 512,
    "resnet50": 2048,
    "vgg11": 512,
    "vgg11_bn": 512,
    "vit_tiny": 192,
}


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("convnext_tiny", 28_589_128),
        ("efficientnet_b0", 5_288_548),
        ("mobilenet_v2", 3_504_872),
        ("resnet18", 11_689_512),
        ("resnet34", 21_797_672),
        ("resnet50", 25_557_032),
        ("resnet101", 44_549_160),
        ("resnet152", 60_192_808),
        ("resnet200", 64_673_832),
        ("vgg11", 132_863_336),
        ("vgg16", 138_357_544),
        ("vgg16_bn", 138_365_992),
        ("vgg19_bn", 143_678_248),
    ],
)
def test_parameters_are_as_many_as_published(name: str, parameters: int) -> None:
    assert count(on_meta(name)) == parameters


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("convnext_tiny", 4.46),
        ("efficientnet_b0", 0.39),
        ("mobilenet_v2", 0.30),
        ("resnet18", 1.81),
        ("resnet50", 4.09),
        ("vgg16", 15.47),
    ],
)
def test_multiplications_of_an_image_of_224_pixels_are_as_many_as_published(
    name: str, billions: float
) -> None:
    """Strides and sizes of maps, which parameters say nothing about; one a weight and place."""
    network, products = on_meta(name).eval(), []

    def add(module: nn.Module, _: object, output: torch.Tensor) -> None:
        weights = module.get_parameter("weight")
        places = output.numel() // weights.shape[0]
        products.append(places * weights.numel())

    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(add)
    with torch.no_grad():
        network(torch.empty(1, 3, 224, 224, device="meta"))
    assert sum(products) / 1e9 == pytest.approx(billions, abs=0.0051)


@pytest.mark.parametrize("name", SMALL)
def test_outputs_are_the_classifier_of_the_features(name: str) -> None:
    network = build_network(name, 3, 7, 32, SMALL[name]).eval()
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        features, outputs = network.features(images), network(images)
    assert network.feature_width == WIDTHS[name]
    assert features.shape == (2, WIDTHS[name])
    assert outputs.shape == (2, 7)
    assert network.classifier is not None
    assert torch.equal(outputs, network.classifier(features))


@pytest.mark.parametrize("name", SMALL)
def test_no_outputs_is_a_network_that_ends_in_its_features(name: str) -> None:
    network = build_network(name, 1, None, 32, SMALL[name]).eval()
    images = torch.rand(2, 1, 32, 32)
    with torch.no_grad():
        assert network.classifier is None
        assert torch.equal(network(images), network.features(images))
    with_classifier = build_network(name, 1, 7, 32, SMALL[name])
    extra = set(with_classifier.state_dict()) - set(network.state_dict())
    assert extra
    assert all(key.startswith(f"{network.classifier_name}.") for key in extra)


@pytest.mark.parametrize("name", SMALL)
def test_every_named_module_can_be_got_by_its_name(name: str) -> None:
    network = build_network(name, 3, 7, 32, SMALL[name])
    for path, module in network.named_modules():
        assert network.get_submodule(path) is module


@pytest.mark.parametrize("name", SMALL)
def test_every_rectifier_is_a_module_of_its_own_that_spares_its_input(name: str) -> None:
    network = build_network(name, 3, 7, 32, SMALL[name]).eval()
    runs: dict[nn.Module, int] = {}
    kinds = (nn.ReLU, nn.ReLU6, nn.GELU, nn.SiLU)
    rectifiers = [part for part in network.modules() if isinstance(part, kinds)]
    for module in rectifiers:
        module.register_forward_hook(lambda m, *_: runs.update({m: runs.get(m, 0) + 1}))
    with torch.no_grad():
        network(torch.rand(2, 3, 32, 32))
    assert rectifiers
    assert not any(getattr(module, "inplace", False) for module in rectifiers)
    assert [runs.get(module) for module in rectifiers] == [1] * len(rectifiers)


def test_he_initialisation_keeps_the_scale_of_the_gradient() -> None:
    torch.manual_seed(0)
    weight = build_network("resnet18", 3, 10, 224).get_submodule("layer3.1.conv1").weight
    assert weight.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.01)
