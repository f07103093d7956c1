import torch
from torch import nn

from imprint.nets.build import build_network
from imprint.nets.group_norm import ARCHITECTURE, replace_batch_norm


def test_groups_are_the_common_divisor_of_32_and_the_channels() -> None:
    network = replace_batch_norm(nn.Sequential(nn.BatchNorm2d(48), nn.BatchNorm2d(7)))
    assert [(part.num_groups, part.num_channels) for part in network] == [(16, 48), (1, 7)]


def test_no_image_sees_another() -> None:
    torch.manual_seed(0)
    network = build_network(ARCHITECTURE, 3, 4, 32, {"of": "patch_convnet", "width": "4"}).train()
    images = torch.rand(3, 3, 32, 32)
    torch.testing.assert_close(network(images)[:1], network(images[:1]))
