"""The conditional U-Net: a representation enters through one linear layer into the time embedding.

Of diffusers' ``UNet2DModel``, with scale-shift normalisation: in every residual block the sum of
the time embedding and the representation's scales and shifts the normalised channels (Bordes et
al. 2022, the conditioning of the released code). Representations are standardised first, with the
mean and standard deviation of each dimension over the training images, so that a backbone and a
projector of other scales weigh alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from imprint.core.extras import import_diffusers
from imprint.lenses.reconstruct.options import UNetOptions

MOST_GROUPS = 32
"""Of group normalisation; the widest number of groups that divides every level is used."""
LEAST_VARIATION = 1e-6
"""Of a dimension, beside its mean, below which it does not vary."""
ROWS_AT_ONCE = 65_536


class ConditionalUNet(nn.Module):
    """A U-Net that predicts from noisy images, their step and a representation.

    Args:
        options: the shape.
        channels: of the images.
        condition_width: dimensions of a representation.
        outputs: images that are predicted: 1, or 2 with a learned variance.

    Raises:
        ImprintError: diffusers is missing.
    """

    def __init__(
        self, options: UNetOptions, channels: int, condition_width: int, outputs: int = 1
    ) -> None:
        super().__init__()
        self.channels = channels
        self.image_size = options.image_size
        self.condition_width = condition_width
        self.outputs = outputs
        self._patch = options.patch
        inputs = channels * options.patch**2
        widths = [options.width * int(level) for level in options.multipliers]
        self.unet = _unet(options, inputs, inputs * outputs, widths)
        self.condition = nn.Linear(condition_width, 4 * widths[0])
        self.empty = nn.Parameter(torch.zeros(4 * widths[0]))
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.zeros(condition_width))
        self.register_buffer("deviation", torch.ones(condition_width))

    def standardise(self, representations: NDArray[np.float32]) -> None:
        """Take mean and deviation of each dimension from representations, ``[n, d]``.

        A dimension that hardly varies is left at its own scale.
        """
        starts = range(0, len(representations), ROWS_AT_ONCE)
        blocks = [slice(start, start + ROWS_AT_ONCE) for start in starts]
        total = sum(representations[rows].sum(axis=0, dtype=np.float64) for rows in blocks)
        mean = total / len(representations)
        squares = sum(np.square(representations[rows] - mean).sum(axis=0) for rows in blocks)
        deviation = np.sqrt(squares / len(representations))
        varies = deviation > LEAST_VARIATION * np.maximum(np.abs(mean), 1.0)
        self.mean.copy_(torch.from_numpy(mean))
        self.deviation.copy_(torch.from_numpy(np.where(varies, deviation, 1.0)))

    def forward(
        self, images: Tensor, steps: Tensor, representations: Tensor, dropped: Tensor
    ) -> Tensor:
        """Return the prediction.

        Args:
            images: noisy images, float ``[b, C, S, S]``.
            steps: of the noise schedule, int64 ``[b]``.
            representations: float ``[b, d]``, as the encoder gives them.
            dropped: bool ``[b]``, whose representation is replaced by the empty one.

        Returns:
            float ``[b, C · outputs, S, S]``.
        """
        standardised = (representations - self.mean) / self.deviation
        embedding = torch.where(dropped[:, None], self.empty, self.condition(standardised))
        folded = pixel_unshuffle(images, self._patch)
        predicted: Tensor = self.unet(folded, steps, class_labels=embedding).sample
        return torch.cat(
            [pixel_shuffle(part, self._patch) for part in predicted.chunk(self.outputs, dim=1)],
            dim=1,
        )


def _unet(options: UNetOptions, inputs: int, outputs: int, widths: list[int]) -> Any:
    sides = [options.image_size // options.patch >> level for level in range(len(widths))]
    attends = [side in options.attention for side in sides]
    groups = max(count for count in range(1, MOST_GROUPS + 1) if options.width % count == 0)
    return import_diffusers("reconstruct").UNet2DModel(
        sample_size=sides[0],
        in_channels=inputs,
        out_channels=outputs,
        layers_per_block=options.blocks,
        block_out_channels=tuple(widths),
        # The plain blocks of diffusers resample by one convolution, whatever the type below says.
        down_block_types=tuple(
            "AttnDownBlock2D" if at else "ResnetDownsampleBlock2D" for at in attends
        ),
        up_block_types=tuple(
            "AttnUpBlock2D" if at else "ResnetUpsampleBlock2D" for at in reversed(attends)
        ),
        add_attention=attends[-1],
        attention_head_dim=min(options.head_channels, options.width),
        norm_num_groups=groups,
        resnet_time_scale_shift="scale_shift",
        downsample_type="resnet",
        upsample_type="resnet",
        dropout=options.dropout,
        class_embed_type="identity",
    )
