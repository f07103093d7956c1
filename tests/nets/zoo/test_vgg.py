from tests.nets.zoo.small_networks import batch_norm, on_meta


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
