"""EfficientNet-B0 (Tan & Le 2019, table 1), under torchvision's parameter names.

Blocks are never dropped in training (stochastic depth), as the paper does.
"""

from __future__ import annotations

from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.backbone import Backbone, he_initialise
from imprint.nets.channels import scaled_channels
from imprint.nets.normed_convolution import normed_convolution
from imprint.nets.registry import ARCHITECTURES
from imprint.nets.sizes import EFFICIENTNET_WIDTH

STAGES = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
"""Expansion, kernel, stride of the first block, channels and blocks of each stage."""
WIDENED = 4
"""Features for each channel of the last stage."""
SQUEEZED = 4
"""Channels of a block's input for each channel of its excitation."""
DROPPED_SHARE = 0.2


class EfficientNet(Backbone):
    """A convolution, stages of mobile blocks with excitation, a pointwise convolution, the mean."""

    def __init__(self, channels: int, outputs: int | None, width: int, small_input: bool) -> None:
        super().__init__()
        scale = width / EFFICIENTNET_WIDTH
        before = scaled_channels(EFFICIENTNET_WIDTH, scale)
        features = nn.Sequential(
            normed_convolution(channels, before, 3, nn.SiLU, 1 if small_input else 2)
        )
        for expansion, kernel, stride, published, blocks in STAGES:
            after = scaled_channels(published, scale)
            stage = nn.Sequential()
            for number in range(blocks):
                step = stride if number == 0 else 1
                stage.append(MobileBlock(before, after, expansion, kernel, step))
                before = after
            features.append(stage)
        self.feature_width = WIDENED * before
        features.extend(
            [
                normed_convolution(before, self.feature_width, 1, nn.SiLU),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
            ]
        )
        self.features = features
        if outputs is not None:
            linear = nn.Linear(self.feature_width, outputs)
            self._modules["classifier"] = nn.Sequential(nn.Dropout(DROPPED_SHARE), linear)
        he_initialise(self)


class MobileBlock(nn.Module):
    """Widen, filter each channel, weigh the channels, narrow; plus the input where it fits."""

    def __init__(self, before: int, after: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        hidden = before * expansion
        self.adds = stride == 1 and before == after
        self.block = nn.Sequential()
        if expansion != 1:
            self.block.append(normed_convolution(before, hidden, 1, nn.SiLU))
        self.block.extend(
            [
                normed_convolution(hidden, hidden, kernel, nn.SiLU, stride, groups=hidden),
                SqueezeExcitation(hidden, max(1, before // SQUEEZED)),
                normed_convolution(hidden, after, 1, None),
            ]
        )

    def forward(self, grid: Tensor) -> Tensor:
        """Return a grid ``[b, after, h, w]``."""
        update: Tensor = self.block(grid)
        return grid + update if self.adds else update


class SqueezeExcitation(nn.Module):
    """Every channel times a share that two layers read from the means (Hu et al. 2018)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.activation = nn.SiLU()
        self.fc2 = nn.Conv2d(squeezed, channels, 1)
        self.scale_activation = nn.Sigmoid()

    def forward(self, grid: Tensor) -> Tensor:
        """Return a grid of the same shape ``[b, channels, h, w]``."""
        squeezed = self.activation(self.fc1(self.avgpool(grid)))
        shares: Tensor = self.scale_activation(self.fc2(squeezed))
        return grid * shares


@ARCHITECTURES.register("efficientnet_b0")
def build(
    channels: int,
    outputs: int | None,
    input_size: int,
    width: int = EFFICIENTNET_WIDTH,
    small_input: bool = False,
) -> EfficientNet:
    """Return an EfficientNet-B0.

    Args:
        channels: of the images.
        outputs: of the classifier, or None for features alone.
        input_size: side of the images in pixels; any.
        width: channels of the first convolution; the others in proportion, in steps of 8.
        small_input: a first convolution of stride 1, for images of some 32 pixels.

    Raises:
        ImprintError: the width is not positive.
    """
    if width < 1:
        raise ImprintError(f"efficientnet_b0: width must be at least 1, got {width}")
    return EfficientNet(channels, outputs, width, small_input)
