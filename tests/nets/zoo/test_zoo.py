import inspect

import pytest
import torch
from torch import nn

from imprint.core.errors import ImprintError
from imprint.nets.backbone import Backbone
from imprint.nets.build import build_network
from imprint.nets.registry import ARCHITECTURES

SMALL = {
    "cifar_resnet20": {},
    "lenet": {},
    "mlp": {"widths": "24-12"},
    "patch_convnet": {"width": 8},
    "resnet18": {"small_input": True},
    "resnet50": {},
    "vgg11": {"small_input": True},
    "vgg11_bn": {"small_input": True},
    "vit_tiny": {"patch": 8, "depth": 1},
}
WIDTHS = {
    "cifar_resnet20": 64,
    "lenet": 84,
    "mlp": 12,
    "patch_convnet": 16,
    "resnet18": 512,
    "resnet50": 2048,
    "vgg11": 512,
    "vgg11_bn": 512,
    "vit_tiny": 192,
}


def on_meta(name: str, outputs: int | None = 1000, size: int = 224, **options: object) -> Backbone:
    with torch.device("meta"):
        return build_network(name, 3, outputs, size, options)


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def batch_norm(name: str) -> list[str]:
    tensors = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    return [f"{name}.{tensor}" for tensor in tensors]


def torchvision_resnet_names(blocks: list[int], convolutions: int, first_widens: bool) -> set[str]:
    names = {"conv1.weight", *batch_norm("bn1"), "fc.weight", "fc.bias"}
    for layer, depth in enumerate(blocks, start=1):
        for block in range(depth):
            at = f"layer{layer}.{block}"
            for number in range(1, convolutions + 1):
                names |= {f"{at}.conv{number}.weight", *batch_norm(f"{at}.bn{number}")}
            if block == 0 and (layer > 1 or first_widens):
                names |= {f"{at}.downsample.0.weight", *batch_norm(f"{at}.downsample.1")}
    return names


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
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
    ("name", "millions"),
    [
        ("cifar_resnet20", 0.27),
        ("cifar_resnet32", 0.46),
        ("cifar_resnet44", 0.66),
        ("cifar_resnet56", 0.85),
        ("cifar_resnet110", 1.73),
    ],
)
def test_cifar_resnets_have_the_sizes_of_the_paper(name: str, millions: float) -> None:
    assert count(on_meta(name, outputs=10, size=32)) / 1e6 == pytest.approx(millions, abs=0.006)


def test_resnet18_has_the_names_of_torchvision() -> None:
    expected = torchvision_resnet_names([2, 2, 2, 2], convolutions=2, first_widens=False)
    assert len(expected) == 122
    assert set(on_meta("resnet18").state_dict()) == expected


def test_resnet50_has_the_names_of_torchvision() -> None:
    expected = torchvision_resnet_names([3, 4, 6, 3], convolutions=3, first_widens=True)
    assert len(expected) == 320
    assert set(on_meta("resnet50").state_dict()) == expected


def test_a_network_twice_as_wide_is_four_times_as_large() -> None:
    """94 million parameters, as published of the ResNet-50 (2 ×) of SimCLR and VICReg."""
    network = on_meta("resnet50", None, width=128)
    assert network.feature_width == 4096
    assert count(network) / 1e6 == pytest.approx(93.9, abs=0.1)
    assert set(network.state_dict()) == set(on_meta("resnet50", None).state_dict())


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("resnet18", {"width": 0}, "width must be at least 1, got 0"),
        ("vit_small", {"patch": 15}, "patches of 15 pixels do not tile images of 224"),
        ("vit_small", {"heads": 5}, "5 heads do not divide the width 384"),
        ("vit", {"patch": 0}, "patch and width must be at least 1"),
        ("vit", {"depth": -1}, "depth and heads at least 0"),
    ],
)
def test_sizes_that_will_not_do(name, options, message) -> None:
    with pytest.raises(ImprintError, match=message):
        on_meta(name, **options)


def test_resnet_strides_in_the_middle_of_the_bottleneck() -> None:
    block = on_meta("resnet50").get_submodule("layer2.0")
    assert [block.get_submodule(f"conv{i}").stride for i in (1, 2, 3)] == [(1, 1), (2, 2), (1, 1)]


def test_vgg16_bn_has_the_names_of_torchvision() -> None:
    convolutions = [0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40]
    expected = {f"classifier.{layer}.{kind}" for layer in (0, 3, 6) for kind in ("weight", "bias")}
    for layer in convolutions:
        expected |= {f"features.{layer}.weight", f"features.{layer}.bias"}
        expected |= set(batch_norm(f"features.{layer + 1}"))
    assert set(on_meta("vgg16_bn").state_dict()) == expected


def test_vgg11_has_the_names_of_torchvision() -> None:
    expected = {f"classifier.{layer}.{kind}" for layer in (0, 3, 6) for kind in ("weight", "bias")}
    for layer in (0, 3, 6, 8, 11, 13, 16, 18):
        expected |= {f"features.{layer}.weight", f"features.{layer}.bias"}
    assert set(on_meta("vgg11").state_dict()) == expected


def test_lenet_has_the_published_names_and_shapes() -> None:
    network = build_network("lenet", 1, 10, 32)
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert shapes == {
        "conv1.weight": (6, 1, 5, 5),
        "conv1.bias": (6,),
        "conv2.weight": (16, 6, 5, 5),
        "conv2.bias": (16,),
        "fc1.weight": (120, 400),
        "fc1.bias": (120,),
        "fc2.weight": (84, 120),
        "fc2.bias": (84,),
        "fc3.weight": (10, 84),
        "fc3.bias": (10,),
    }


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
    rectifiers = [part for part in network.modules() if isinstance(part, (nn.ReLU, nn.GELU))]
    for module in rectifiers:
        module.register_forward_hook(lambda m, *_: runs.update({m: runs.get(m, 0) + 1}))
    with torch.no_grad():
        network(torch.rand(2, 3, 32, 32))
    assert rectifiers
    assert not any(getattr(module, "inplace", False) for module in rectifiers)
    assert [runs.get(module) for module in rectifiers] == [1] * len(rectifiers)


def test_the_halving_shortcut_takes_every_second_pixel_and_pads_both_sides() -> None:
    shortcut = build_network("cifar_resnet20", 3, 10, 32).get_submodule("layer2.0.shortcut")
    maps = torch.arange(16 * 16.0).reshape(1, 16, 4, 4)
    result = shortcut(maps)
    assert result.shape == (1, 32, 2, 2)
    assert torch.equal(result[0, 8], torch.tensor([[0.0, 2.0], [8.0, 10.0]]))
    assert torch.equal(result[:, 8:24], maps[:, :, [[0], [2]], [0, 2]])
    assert result[:, :8].eq(0).all()
    assert result[:, 24:].eq(0).all()


@pytest.mark.parametrize("separable", [False, True])
def test_patch_convnet_sees_a_grid_of_patches(separable: bool) -> None:
    options = {"width": 8, "depth": 1, "stages": 2, "patch": 4, "separable": separable}
    network = build_network("patch_convnet", 3, None, 32, options)
    images = torch.rand(1, 3, 32, 32)
    assert network.get_submodule("stages.0")(images).shape == (1, 8, 8, 8)
    assert network.get_submodule("stages")(images).shape == (1, 16, 4, 4)
    plain, separated = 9 * 8 * 8 + 9 * 16 * 16, (9 + 8) * 8 + (9 + 16) * 16
    blocks = separated if separable else plain
    cuts = 3 * 8 * 16 + 8 * 16 * 4
    norms = 2 * (8 + 8 + 16 + 16)
    assert count(network) == blocks + cuts + norms


def test_he_initialisation_keeps_the_scale_of_the_gradient() -> None:
    torch.manual_seed(0)
    weight = build_network("resnet18", 3, 10, 224).get_submodule("layer3.1.conv1").weight
    assert weight.std().item() == pytest.approx((2 / (256 * 9)) ** 0.5, rel=0.01)


@pytest.mark.parametrize("name", ARCHITECTURES.names())
def test_every_builder_starts_with_the_three_common_arguments(name: str) -> None:
    parameters = list(inspect.signature(ARCHITECTURES.get(name)).parameters)
    assert parameters[:3] == ["channels", "outputs", "input_size"]


def test_options_may_be_text() -> None:
    options = {"small_input": "true"}
    assert build_network("resnet18", 3, 10, 32, options).get_submodule("conv1").stride == (1, 1)
    assert build_network("patch_convnet", 3, None, 32, {"width": "8"}).feature_width == 16
    assert build_network("mlp", 1, None, 8, {"widths": "16"}).feature_width == 16


@pytest.mark.parametrize(
    ("name", "size", "options", "message"),
    [
        ("resnet19", 32, {}, "unknown architecture 'resnet19': choose one of cifar_resnet110"),
        ("resnet18", 32, {"small": True}, "'resnet18' has no option 'small'; it has: small_input"),
        ("lenet", 32, {"width": 1}, "'lenet' has no option 'width'; it has: none"),
        ("resnet18", 32, {"small_input": "maybe"}, "must be bool, got 'maybe'"),
        ("patch_convnet", 32, {"width": 8.5}, "must be int, got 8.5"),
        ("patch_convnet", 30, {}, "input_size 30 is no multiple of 8"),
        ("patch_convnet", 32, {"kernel": 2}, "kernel must be odd, got 2"),
        ("patch_convnet", 32, {"width": 0}, "width, stages, patch and kernel must be at least 1"),
        ("lenet", 15, {}, "at least 16 pixels, got 15"),
        ("vgg16", 28, {}, "at least 32 pixels, got 28"),
        ("mlp", 8, {"widths": ""}, "must name at least one hidden width"),
        ("mlp", 8, {"widths": "12-x"}, "the widths '12-x': write them between dashes"),
    ],
)
def test_what_cannot_be_built_is_told(name: str, size: int, options: dict, message: str) -> None:
    with pytest.raises(ImprintError) as caught:
        build_network(name, 3, 10, size, options)
    assert message in str(caught.value)


@pytest.mark.parametrize("size", [16, 17, 28, 33])
def test_lenet_fits_images_of_any_size_from_16(size: int) -> None:
    assert build_network("lenet", 1, 10, size)(torch.rand(1, 1, size, size)).shape == (1, 10)
