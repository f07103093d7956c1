"""ResNets for 32 × 32 images (He et al. 2016, section 4.2), with parameter-free shortcuts.

Three stages of 16, 32 and 64 channels. Where a stage halves the grid, the shortcut takes every
second pixel and pads the new channels with zeros, half on each side ("option A").
"""

from __future__ import annotations

from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from imprint.nets.backbone import Backbone, he_initialise, linear_classifier
from imprint.nets.registry import ARCHITECTURES

DEPTHS = (8, 20, 32, 44, 56, 110)
"""6n + 2; 20 and above as published, 8 for studies that train many networks."""


class CifarResNet(Backbone):
    """6n + 2 layers: one convolution, three stages of n blocks, a linear classifier."""

    classifier_name = "linear"

    def __init__(self, channels: int, outputs: int | None, blocks: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.layer1 = _stage(16, 16, blocks)
        self.layer2 = _stage(16, 32, blocks)
        self.layer3 = _stage(32, 64, blocks)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.feature_width = 64
        self.linear = linear_classifier(self.feature_width, outputs)
        he_initialise(self)

    def features(self, images: Tensor) -> Tensor:
        """Return the mean over the last maps, ``[b, 64]``."""
        maps = self.relu(self.bn1(self.conv1(images)))
        maps = self.layer3(self.layer2(self.layer1(maps)))
        features: Tensor = self.avgpool(maps)
        return features.flatten(1)


class ResidualBlock(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut; more channels than came in halve the grid."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        stride = 1 if before == after else 2
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.shortcut = nn.Identity() if before == after else HalvingShortcut(after - before)
        self.relu2 = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps ``[b, after, h, w]`` or, halved, ``[b, after, ⌈h/2⌉, ⌈w/2⌉]``."""
        update = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(maps)))))
        result: Tensor = self.relu2(update + self.shortcut(maps))
        return result


class HalvingShortcut(nn.Module):
    """Every second pixel; ``added`` channels of zeros, half before and half behind."""

    def __init__(self, added: int) -> None:
        super().__init__()
        self.added = added

    def forward(self, maps: Tensor) -> Tensor:
        """Return ``[b, c + added, ⌈h/2⌉, ⌈w/2⌉]``."""
        side = self.added // 2
        return F.pad(maps[:, :, ::2, ::2], (0, 0, 0, 0, side, self.added - side))


def _stage(before: int, after: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(
        ResidualBlock(before, after), *(ResidualBlock(after, after) for _ in range(blocks - 1))
    )


def build(depth: int, channels: int, outputs: int | None, input_size: int) -> CifarResNet:
    """Return the network of ``depth`` = 6n + 2 layers.

    Args:
        depth: layers with weights.
        channels: of the images.
        outputs: of the classifier, or None for features alone.
        input_size: side of the images in pixels; any will do.
    """
    return CifarResNet(channels, outputs, blocks=(depth - 2) // 6)


for _depth in DEPTHS:
    ARCHITECTURES.register(f"cifar_resnet{_depth}")(partial(build, _depth))
