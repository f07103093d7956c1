"""ConvNeXt (Liu et al. 2022, section 2), under torchvision's parameter names.

Blocks are never dropped in training (stochastic depth), as the paper does.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.backbone import Backbone
from imprint.nets.registry import ARCHITECTURES
from imprint.nets.sizes import CONVNEXT_DEPTHS, CONVNEXT_WIDTH

KERNEL = 7
WIDENED = 4
EPS = 1e-6
LAYER_SCALE = 1e-6
WEIGHT_DEVIATION = 0.02


class ConvNeXt(Backbone):
    """Patches → stages of blocks, each halving the grid and doubling the width → their mean."""

    def __init__(
        self, channels: int, outputs: int | None, width: int, depths: tuple[int, ...], patch: int
    ) -> None:
        super().__init__()
        stem = nn.Sequential(nn.Conv2d(channels, width, patch, patch), ChannelNorm(width))
        features = nn.Sequential(stem)
        for stage, depth in enumerate(depths):
            if stage:
                halve = nn.Conv2d(width, 2 * width, 2, 2)
                features.append(nn.Sequential(ChannelNorm(width), halve))
                width *= 2
            features.append(nn.Sequential(*(Block(width) for _ in range(depth))))
        self.features = features.extend([nn.AdaptiveAvgPool2d(1), nn.Flatten()])
        self.feature_width = width
        if outputs is not None:
            self._modules["classifier"] = nn.Sequential(
                nn.LayerNorm(width, eps=EPS), nn.Flatten(), nn.Linear(width, outputs)
            )
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.trunc_normal_(module.weight, std=WEIGHT_DEVIATION)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of each place."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=EPS)

    def forward(self, grid: Tensor) -> Tensor:
        """Return a grid of the same shape ``[b, channels, h, w]``."""
        return super().forward(grid.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ChannelsTo(nn.Module):
    """Move the axis of the channels to the end, or back behind the inputs."""

    def __init__(self, *order: int) -> None:
        super().__init__()
        self.order = order

    def forward(self, grid: Tensor) -> Tensor:
        """Return ``[b, h, w, width]`` of ``[b, width, h, w]``, or the other way round."""
        return grid.permute(self.order)


class Block(nn.Module):
    """x + γ · (filter each channel, normalise, widen, GELU, narrow)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer_scale = nn.Parameter(torch.full((width, 1, 1), LAYER_SCALE))
        self.block = nn.Sequential(
            nn.Conv2d(width, width, KERNEL, padding=KERNEL // 2, groups=width),
            ChannelsTo(0, 2, 3, 1),
            nn.LayerNorm(width, eps=EPS),
            nn.Linear(width, WIDENED * width),
            nn.GELU(),
            nn.Linear(WIDENED * width, width),
            ChannelsTo(0, 3, 1, 2),
        )

    def forward(self, grid: Tensor) -> Tensor:
        """Return a grid of the same shape ``[b, width, h, w]``."""
        update: Tensor = self.block(grid)
        return grid + self.layer_scale * update


@ARCHITECTURES.register("convnext_tiny")
def build(
    channels: int,
    outputs: int | None,
    input_size: int,
    width: int = CONVNEXT_WIDTH,
    depths: str = CONVNEXT_DEPTHS,
    patch: int = 4,
) -> ConvNeXt:
    """Return a ConvNeXt.

    Args:
        channels: of the images.
        outputs: of the classifier, or None for features alone.
        input_size: side of the images in pixels, at least patch · 2^(stages − 1).
        width: channels of the first stage; each further stage doubles them.
        depths: blocks of each stage, such as ``3-3-9-3``.
        patch: side of the patches in pixels.

    Raises:
        ImprintError: an option is impossible, or the images are too small.
    """
    if not re.fullmatch(r"[1-9]\d{0,2}(-[1-9]\d{0,2}){0,7}", depths):
        raise ImprintError(
            f"convnext_tiny: depths must be blocks of up to 8 stages such as {CONVNEXT_DEPTHS}, "
            f"got {depths!r}"
        )
    if min(width, patch) < 1:
        raise ImprintError(
            f"convnext_tiny: width and patch must be at least 1, got {width} and {patch}"
        )
    blocks = tuple(int(number) for number in depths.split("-"))
    least = patch * 2 ** (len(blocks) - 1)
    if input_size < least:
        raise ImprintError(
            f"convnext_tiny needs an input_size of at least {least} pixels (patch · 2^(stages − 1)"
            f"), got {input_size}"
        )
    return ConvNeXt(channels, outputs, width, blocks, patch)
