"""The least memory of a training, to refuse what cannot fit before anything is allocated."""

from __future__ import annotations

import torch

from imprint.core.device import free_memory
from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.options import ReconstructionTraining
from imprint.lenses.reconstruct.training.run_file import RunCard
from imprint.train.gather import world_size

MAX_WEIGHTS = 1 << 31
"""Parameters of the largest network that is trained."""
BYTES_A_WEIGHT = 20
"""Weight, its average, its gradient and two moments of the optimiser, in float32."""
FLOAT_BYTES = 4
IMAGE_COPIES = 3
"""Of a batch in float32: the images, their noise, the noisy images."""
GIB = 1 << 30


def check_memory(card: RunCard, options: ReconstructionTraining, device: torch.device) -> None:
    """Check that network and batch can fit; activations of the first level alone are counted.

    Raises:
        ImprintError: they cannot, or the network has more parameters than :data:`MAX_WEIGHTS`.
    """
    weights = count_weights(card)
    shape = f"--train.unet.width {options.unet.width} with --train.unet.multipliers " + ",".join(
        f"{level:g}" for level in options.unet.multipliers
    )
    if weights > MAX_WEIGHTS:
        raise ImprintError(
            f"{shape} makes a network of {weights:,} parameters, more than the {MAX_WEIGHTS:,} "
            "that are trained: lower one of them"
        )
    free = free_memory(device)
    needed = BYTES_A_WEIGHT * weights
    if free is not None and needed > free:
        raise ImprintError(
            f"{shape} makes a network of {weights:,} parameters, which takes "
            f"{needed / GIB:.1f} GiB to train, and {free / GIB:.1f} GiB are free: lower one of them"
        )
    needed += batch_bytes(card, options)
    if free is not None and needed > free:
        raise ImprintError(
            f"a batch of {options.batch_size:,} images of {options.unet.image_size} pixels a side "
            f"takes at least {needed / GIB:.1f} GiB with the network, and {free / GIB:.1f} GiB are "
            "free: lower --train.batch-size or raise --train.accumulate"
        )


def count_weights(card: RunCard) -> int:
    """Return the parameters of a network, without memory for them."""
    with torch.device("meta"):
        network = card.build()
    return sum(weight.numel() for weight in network.parameters())


def batch_bytes(card: RunCard, options: ReconstructionTraining) -> int:
    """Return the least bytes that a batch takes: its images, and inputs of the first blocks."""
    unet = options.unet
    images = options.batch_size * card.channels * unet.image_size**2 * FLOAT_BYTES
    part = options.batch_size // (options.accumulate * world_size())
    blocks = 1 if options.checkpoint_gradients else 2 * unet.blocks
    level = unet.width * (unet.image_size // unet.patch) ** 2 * FLOAT_BYTES
    return IMAGE_COPIES * images + part * blocks * level
