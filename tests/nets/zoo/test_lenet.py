import pytest
import torch

from imprint.nets.build import build_network


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


@pytest.mark.parametrize("size", [16, 17, 28, 33])
def test_lenet_fits_images_of_any_size_from_16(size: int) -> None:
    assert build_network("lenet", 1, 10, size)(torch.rand(1, 1, size, size)).shape == (1, 10)
