"""ResNets for large images (He et al. 2016, table 1), under torchvision's parameter names.

The bottleneck strides in its 3 × 3 convolution ("v1.5"), as the public checkpoints do.
"""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from imprint.core.errors import ImprintError
from imprint.nets.backbone import Backbone, he_initialise, linear_classifier
from imprint.nets.registry import ARCHITECTURES
from imprint.nets.sizes import RESNET_STAGES, RESNET_WIDTH


class BasicBlock(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut."""

    expansion: ClassVar[int] = 1

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(before, width, stride)
        self.relu2 = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps ``[b, width, h / stride, w / stride]``."""
        update = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(maps)))))
        result: Tensor = self.relu2(update + self.downsample(maps))
        return result


class Bottleneck(nn.Module):
    """1 × 1, 3 × 3 and 1 × 1 convolutions beside a shortcut."""

    expansion: ClassVar[int] = 4

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        after = width * self.expansion
        self.conv1 = nn.Conv2d(before, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(width, after, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(after)
        self.downsample = _shortcut(before, after, stride)
        self.relu3 = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps ``[b, 4 · width, h / stride, w / stride]``."""
        update = self.relu1(self.bn1(self.conv1(maps)))
        update = self.relu2(self.bn2(self.conv2(update)))
        update = self.bn3(self.conv3(update))
        result: Tensor = self.relu3(update + self.downsample(maps))
        return result


class SamePool(nn.MaxPool2d):
    """3 × 3 max-pooling of stride 2 where TensorFlow's padding "SAME" puts its windows.

    An even side is padded at its end alone, by one: every window stands one pixel further on than
    with the symmetric padding of torch. An odd side is padded by one on either end, as in torch.
    Padding is with zeros, so maps must not be negative.
    """

    def __init__(self) -> None:
        super().__init__(3, stride=2)

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps ``[b, c, ⌈h / 2⌉, ⌈w / 2⌉]``."""
        height, width = maps.shape[2:]
        padded = functional.pad(maps, (width % 2, 1, height % 2, 1))
        return functional.max_pool2d(padded, self.kernel_size, self.stride)


BLOCKS: dict[str, type[BasicBlock] | type[Bottleneck]] = {
    "basic": BasicBlock,
    "bottleneck": Bottleneck,
}


class ResNet(Backbone):
    """Stem, four stages of blocks, mean over the grid, a linear classifier."""

    classifier_name = "fc"

    def __init__(
        self,
        depth: int,
        channels: int,
        outputs: int | None,
        small_input: bool,
        same_pooling: bool,
        width: int,
    ) -> None:
        super().__init__()
        kind, (first, second, third, fourth) = RESNET_STAGES[depth]
        block = BLOCKS[kind]
        wide = width * block.expansion
        if small_input:
            self.conv1 = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        else:
            self.conv1 = nn.Conv2d(channels, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = _pooling(small_input, same_pooling)
        self.layer1 = _stage(block, width, width, first, stride=1)
        self.layer2 = _stage(block, wide, 2 * width, second, stride=2)
        self.layer3 = _stage(block, 2 * wide, 4 * width, third, stride=2)
        self.layer4 = _stage(block, 4 * wide, 8 * width, fourth, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.feature_width = 8 * wide
        self.fc = linear_classifier(self.feature_width, outputs)
        he_initialise(self)

    def features(self, images: Tensor) -> Tensor:
        """Return the mean over the last maps, ``[b, 8 · width]``; of bottlenecks, 32 · width."""
        maps = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        maps = self.layer4(self.layer3(self.layer2(self.layer1(maps))))
        features: Tensor = self.avgpool(maps)
        return features.flatten(1)


def _pooling(small_input: bool, same_pooling: bool) -> nn.Module:
    if small_input:
        return nn.Identity()
    return SamePool() if same_pooling else nn.MaxPool2d(3, stride=2, padding=1)


def _stage(
    block: type[BasicBlock] | type[Bottleneck], before: int, width: int, count: int, stride: int
) -> nn.Sequential:
    after = width * block.expansion
    return nn.Sequential(
        block(before, width, stride), *(block(after, width, 1) for _ in range(count - 1))
    )


def _shortcut(before: int, after: int, stride: int) -> nn.Module:
    if before == after and stride == 1:
        return nn.Identity()
    return nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))


def build(
    depth: int,
    channels: int,
    outputs: int | None,
    input_size: int,
    small_input: bool = False,
    same_pooling: bool = False,
    width: int = RESNET_WIDTH,
) -> ResNet:
    """Return the network of ``depth`` layers.

    Args:
        depth: 18, 34, 50, 101, 152 or 200.
        channels: of the images.
        outputs: of the classifier, or None for features alone.
        input_size: side of the images in pixels; any will do.
        small_input: a 3 × 3 stem without pooling, for images of some 32 pixels.
        same_pooling: pad the pooling of the stem as TensorFlow does, for weights trained there.
        width: of the stem and of the first stage; published "2x" networks have 128.

    Raises:
        ImprintError: the width is below 1.
    """
    if width < 1:
        raise ImprintError(f"resnet{depth}: width must be at least 1, got {width}")
    return ResNet(depth, channels, outputs, small_input, same_pooling, width)


for _depth in RESNET_STAGES:
    ARCHITECTURES.register(f"resnet{_depth}")(partial(build, _depth))
