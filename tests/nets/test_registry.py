import pytest

from imprint.core.errors import ImprintError
from imprint.nets.registry import ARCHITECTURES, LIBRARIES


def test_every_architecture_and_library_is_there() -> None:
    assert {"lenet", "mlp", "patch_convnet", "resnet18", "vgg16_bn"} <= set(ARCHITECTURES.names())
    assert LIBRARIES.names() == ["timm", "torchvision", "transformers"]


def test_an_unknown_architecture_is_answered_with_those_that_exist() -> None:
    with pytest.raises(ImprintError, match="unknown architecture 'lenet6': choose one of "):
        ARCHITECTURES.get("lenet6")
