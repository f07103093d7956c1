import pytest

from imprint.core.errors import ImprintError
from imprint.nets.build import build_network
from tests.nets.zoo.small_networks import batch_norm, on_meta


def normed(name: str) -> set[str]:
    return {f"{name}.0.weight", *batch_norm(f"{name}.1")}


def test_mobilenet_v2_has_the_names_of_torchvision() -> None:
    expected = {"classifier.1.weight", "classifier.1.bias"}
    expected |= normed("features.0") | normed("features.18")
    for block in range(1, 18):
        at, layers = f"features.{block}.conv", 1 if block == 1 else 2
        for layer in range(layers):
            expected |= normed(f"{at}.{layer}")
        expected |= {f"{at}.{layers}.weight", *batch_norm(f"{at}.{layers + 1}")}
    assert set(on_meta("mobilenet_v2").state_dict()) == expected


def test_blocks_add_their_input_where_shapes_stay() -> None:
    network = on_meta("mobilenet_v2")
    adding = [module.adds for module in network.features if hasattr(module, "adds")]
    assert [number for number, adds in enumerate(adding, 1) if adds] == [
        3, 5, 6, 8, 9, 10, 12, 13, 15, 16,
    ]  # fmt: skip


def test_no_width_is_refused() -> None:
    with pytest.raises(ImprintError, match="width must be at least 1, got 0"):
        build_network("mobilenet_v2", 3, 10, 32, {"width": 0})
