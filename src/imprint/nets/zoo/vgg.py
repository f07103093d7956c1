"""VGG networks (Simonyan & Zisserman 2015, table 1), under torchvision's parameter names."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from torch import nn

from imprint.core.errors import ImprintError
from imprint.nets.backbone import Backbone, he_initialise
from imprint.nets.registry import ARCHITECTURES
from imprint.nets.sizes import VGG_CONVOLUTIONS

WIDTHS = (64, 128, 256, 512, 512)
SMALLEST = 2 ** len(WIDTHS)
GRID = 7


class VGG(Backbone):
    """Five pooled stages of 3 × 3 convolutions, then one or three linear layers.

    Its features are the last maps averaged on a 7 × 7 grid, flat: ``[b, 25088]``; of small inputs
    their mean, ``[b, 512]``.
    """

    def __init__(
        self, depth: int, batch_norm: bool, channels: int, outputs: int | None, small_input: bool
    ) -> None:
        super().__init__()
        grid = 1 if small_input else GRID
        self.feature_width = WIDTHS[-1] * grid**2
        self.features = nn.Sequential(
            *_stages(VGG_CONVOLUTIONS[depth], channels, batch_norm),
            nn.AdaptiveAvgPool2d(grid),
            nn.Flatten(),
        )
        if outputs is not None:
            linear = nn.Linear(self.feature_width, outputs)
            self._modules["classifier"] = linear if small_input else _three_layers(outputs)
        he_initialise(self)


def _stages(counts: tuple[int, ...], channels: int, batch_norm: bool) -> Iterator[nn.Module]:
    before = channels
    for width, count in zip(WIDTHS, counts, strict=True):
        for _ in range(count):
            yield nn.Conv2d(before, width, 3, padding=1)
            if batch_norm:
                yield nn.BatchNorm2d(width)
            yield nn.ReLU()
            before = width
        yield nn.MaxPool2d(2)


def _three_layers(outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(WIDTHS[-1] * GRID**2, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, outputs),
    )


def build(
    depth: int,
    batch_norm: bool,
    channels: int,
    outputs: int | None,
    input_size: int,
    small_input: bool = False,
) -> VGG:
    """Return the network of ``depth`` layers.

    Args:
        depth: 11, 13, 16 or 19.
        batch_norm: whether every convolution is normalised.
        channels: of the images.
        outputs: of the classifier, or None for features alone.
        input_size: side of the images in pixels, at least 32.
        small_input: mean over the grid and one linear layer, for images of some 32 pixels.

    Raises:
        ImprintError: the images are too small to be halved five times.
    """
    if input_size < SMALLEST:
        raise ImprintError(
            f"vgg needs an input_size of at least {SMALLEST} pixels, got {input_size}"
        )
    return VGG(depth, batch_norm, channels, outputs, small_input)


for _depth in VGG_CONVOLUTIONS:
    ARCHITECTURES.register(f"vgg{_depth}")(partial(build, _depth, False))
    ARCHITECTURES.register(f"vgg{_depth}_bn")(partial(build, _depth, True))
