import pytest

from tests.nets.zoo.small_networks import batch_norm, count, on_meta


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


def test_resnet_strides_in_the_middle_of_the_bottleneck() -> None:
    block = on_meta("resnet50").get_submodule("layer2.0")
    assert [block.get_submodule(f"conv{i}").stride for i in (1, 2, 3)] == [(1, 1), (2, 2), (1, 1)]
