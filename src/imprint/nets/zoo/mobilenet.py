"""MobileNetV2 (Sandler et al. 2018, table 2), under torchvision's parameter names."""

from __future__ import annotations

from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.backbone import Backbone, he_initialise
from imprint.nets.channels import scaled_channels
from imprint.nets.normed_convolution import normed_convolution
from imprint.nets.registry import ARCHITECTURES
from imprint.nets.sizes import MOBILENET_WIDTH

STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, blocks and stride of the first block of each stage."""
LAST_CHANNELS = 1280
DROPPED_SHARE = 0.2


class MobileNetV2(Backbone):
    """A convolution, inverted residual blocks, a pointwise convolution, and their mean."""

    def __init__(self, channels: int, outputs: int | None, width: int, small_input: bool) -> None:
        super().__init__()
        scale = width / MOBILENET_WIDTH
        before = scaled_channels(MOBILENET_WIDTH, scale)
        features = nn.Sequential(
            normed_convolution(channels, before, 3, nn.ReLU6, 1 if small_input else 2)
        )
        for expansion, published, blocks, stride in STAGES:
            after = scaled_channels(published, scale)
            for number in range(blocks):
                step = stride if number == 0 else 1
                features.append(InvertedResidual(before, after, expansion, step))
                before = after
        self.feature_width = scaled_channels(LAST_CHANNELS, max(1.0, scale))
        features.extend(
            [
                normed_convolution(before, self.feature_width, 1, nn.ReLU6),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
            ]
        )
        self.features = features
        if outputs is not None:
            linear = nn.Linear(self.feature_width, outputs)
            self._modules["classifier"] = nn.Sequential(nn.Dropout(DROPPED_SHARE), linear)
        he_initialise(self)


class InvertedResidual(nn.Module):
    """Widen, filter each channel, narrow without a non-linearity; plus the input where it fits."""

    def __init__(self, before: int, after: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = before * expansion
        self.adds = stride == 1 and before == after
        self.conv = nn.Sequential()
        if expansion != 1:
            self.conv.append(normed_convolution(before, hidden, 1, nn.ReLU6))
        self.conv.extend(
            [
                normed_convolution(hidden, hidden, 3, nn.ReLU6, stride, groups=hidden),
                nn.Conv2d(hidden, after, 1, bias=False),
                nn.BatchNorm2d(after),
            ]
        )

    def forward(self, grid: Tensor) -> Tensor:
        """Return a grid ``[b, after, h, w]``."""
        update: Tensor = self.conv(grid)
        return grid + update if self.adds else update


@ARCHITECTURES.register("mobilenet_v2")
def build(
    channels: int,
    outputs: int | None,
    input_size: int,
    width: int = MOBILENET_WIDTH,
    small_input: bool = False,
) -> MobileNetV2:
    """Return a MobileNetV2.

    Args:
        channels: of the images.
        outputs: of the classifier, or None for features alone.
        input_size: side of the images in pixels; any.
        width: channels of the first convolution; the others in proportion, in steps of 8. Below
            32 the 1,280 features stay, as published.
        small_input: a first convolution of stride 1, for images of some 32 pixels.

    Raises:
        ImprintError: the width is not positive.
    """
    if width < 1:
        raise ImprintError(f"mobilenet_v2: width must be at least 1, got {width}")
    return MobileNetV2(channels, outputs, width, small_input)
