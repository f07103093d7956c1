"""Sizes of published architectures, by which networks are built and their weights recognised."""

from __future__ import annotations

from typing import Literal

RESNET_WIDTH = 64
RESNET_STAGES: dict[int, tuple[Literal["basic", "bottleneck"], tuple[int, int, int, int]]] = {
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
    200: ("bottleneck", (3, 24, 36, 3)),
}
"""Kind of block, and how many there are in each stage, by depth."""
VGG_CONVOLUTIONS = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
"""Convolutions of each stage, by depth."""
VIT_HEAD_WIDTH = 64
"""Width of an attention head, where the number of heads is not stated."""
MOBILENET_WIDTH = 32
EFFICIENTNET_WIDTH = 32
"""Channels of the first convolution of MobileNetV2 and EfficientNet-B0."""
CONVNEXT_WIDTH = 96
CONVNEXT_DEPTHS = "3-3-9-3"
"""Channels of the first stage of ConvNeXt-T, and blocks of each."""
