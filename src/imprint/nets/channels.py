"""Numbers of channels of networks that are published in several widths."""

from __future__ import annotations

STEP = 8


def scaled_channels(channels: int, scale: float) -> int:
    """Return ``channels`` · ``scale`` as a multiple of 8 that is at most a tenth smaller.

    The rule of MobileNet and EfficientNet.

    >>> [scaled_channels(32, scale) for scale in (1.0, 0.25, 0.35, 1.1)]
    [32, 8, 16, 32]
    """
    wanted = channels * scale
    nearest = max(STEP, int(wanted + STEP / 2) // STEP * STEP)
    return nearest + STEP if nearest < 0.9 * wanted else nearest
