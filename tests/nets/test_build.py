import inspect

import pytest

from imprint.core.errors import ImprintError
from imprint.nets.build import build_network
from imprint.nets.registry import ARCHITECTURES
from tests.nets.zoo.small_networks import on_meta


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
def test_sizes_that_do_not_fit_are_rejected(name, options, message) -> None:
    with pytest.raises(ImprintError, match=message):
        on_meta(name, **options)


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
        ("patch_convnet", 30, {}, "input_size 30 is not a multiple of 8"),
        ("patch_convnet", 32, {"kernel": 2}, "kernel must be odd, got 2"),
        ("patch_convnet", 32, {"width": 0}, "width, stages, patch and kernel must be at least 1"),
        ("lenet", 15, {}, "at least 16 pixels, got 15"),
        ("vgg16", 28, {}, "at least 32 pixels, got 28"),
        ("mlp", 8, {"widths": ""}, "must name at least one hidden width"),
        ("mlp", 8, {"widths": "12-x"}, "the widths '12-x': write them between dashes"),
    ],
)
def test_what_cannot_be_built_is_rejected(
    name: str, size: int, options: dict, message: str
) -> None:
    with pytest.raises(ImprintError) as caught:
        build_network(name, 3, 10, size, options)
    assert message in str(caught.value)
