"""A small, fast convolutional encoder: patches, then residual 3×3 convolutions.

The image is cut into patches by one strided convolution, as in a vision transformer or ConvMixer
(Trockman & Kolter 2022), so that no layer runs at full resolution. Every stage after the first
halves the grid and doubles the width; a block then costs the same in every stage.
"""

from __future__ import annotations

from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.backbone import Backbone, he_initialise, linear_classifier
from imprint.nets.registry import ARCHITECTURES


class PatchConvNet(Backbone):
    """Patches → stages of residual blocks → mean over the grid."""

    classifier_name = "linear"

    def __init__(
        self,
        channels: int,
        outputs: int | None,
        width: int,
        depth: int,
        stages: int,
        patch: int,
        kernel: int,
        separable: bool,
    ) -> None:
        super().__init__()
        widths = [width * 2**stage for stage in range(stages)]
        self.stages = nn.Sequential()
        for before, after in zip([channels, *widths], widths, strict=False):
            cut = patch if len(self.stages) == 0 else 2
            blocks = [ConvolutionBlock(after, kernel, separable) for _ in range(depth)]
            self.stages.append(nn.Sequential(cut_patches(before, after, cut), *blocks))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.feature_width = widths[-1]
        self.linear = linear_classifier(self.feature_width, outputs)
        he_initialise(self)

    def features(self, images: Tensor) -> Tensor:
        """Return the mean over the last grid, ``[b, width · 2^(stages − 1)]``."""
        grid: Tensor = self.pool(self.stages(images))
        return grid.flatten(1)


class ConvolutionBlock(nn.Module):
    """x + ReLU(BN(convolution(x)))."""

    def __init__(self, width: int, kernel: int, separable: bool) -> None:
        super().__init__()
        self.conv = _separable(width, kernel) if separable else _plain(width, kernel)
        self.bn = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()

    def forward(self, grid: Tensor) -> Tensor:
        """Return a grid of the same shape ``[b, width, h, w]``."""
        update: Tensor = self.relu(self.bn(self.conv(grid)))
        return grid + update


def cut_patches(channels: int, width: int, patch: int) -> nn.Sequential:
    """Return the layer that maps every ``patch`` × ``patch`` square to ``width`` numbers."""
    return nn.Sequential(
        nn.Conv2d(channels, width, patch, stride=patch, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
    )


def _plain(width: int, kernel: int) -> nn.Module:
    return nn.Conv2d(width, width, kernel, padding=kernel // 2, bias=False)


def _separable(width: int, kernel: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width, bias=False),
        nn.Conv2d(width, width, 1, bias=False),
    )


@ARCHITECTURES.register("patch_convnet")
def build(
    channels: int,
    outputs: int | None,
    input_size: int,
    width: int = 32,
    depth: int = 2,
    stages: int = 2,
    patch: int = 4,
    kernel: int = 3,
    separable: bool = False,
) -> PatchConvNet:
    """Return a patch ConvNet.

    Args:
        channels: of the images.
        outputs: of the classifier, or None for features alone.
        input_size: side of the images in pixels, a multiple of patch · 2^(stages − 1).
        width: channels of the first stage; each further stage doubles them.
        depth: blocks a stage.
        stages: at least 1; the features are width · 2^(stages − 1) wide.
        patch: side of the patches in pixels.
        kernel: odd side of the convolutions.
        separable: depthwise then pointwise convolutions instead of plain ones.

    Raises:
        ImprintError: the patches do not tile the image, or a number is impossible.
    """
    if min(width, stages, patch, kernel) < 1 or depth < 0:
        raise ImprintError(
            "patch_convnet: width, stages, patch and kernel must be at least 1 and depth at least "
            f"0, got {width}, {stages}, {patch}, {kernel} and {depth}"
        )
    if kernel % 2 == 0:
        raise ImprintError(f"patch_convnet: kernel must be odd, got {kernel}")
    step = patch * 2 ** (stages - 1)
    if input_size % step:
        raise ImprintError(
            f"patch_convnet: input_size {input_size} is not a multiple of {step} (patch · "
            "2^(stages − 1)): change patch, stages or input_size"
        )
    return PatchConvNet(channels, outputs, width, depth, stages, patch, kernel, separable)
