import pytest
import torch

from imprint.nets.build import build_network
from tests.nets.zoo.small_networks import count


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
