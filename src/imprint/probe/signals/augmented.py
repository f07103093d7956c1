"""The few fixed augmentations that records are scored under, by name.

``identity``; ``flip``, left to right; ``shift+4-2``, 4 pixels to the right and 2 upwards, with the
edge repeated in what becomes free (replicate padding).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch
from torch import Tensor

from imprint.core.errors import ImprintError

IDENTITY = "identity"
FLIP = "flip"
_SHIFT = re.compile(r"shift([+-]\d+)([+-]\d+)")


def augment(images: Tensor, name: str) -> Tensor:
    """Return images under one augmentation, pixels moved and never changed.

    Args:
        images: any dtype ``[b, channels, H, W]``.
        name: ``identity``, ``flip`` or ``shift±X±Y`` in pixels, right and down.

    Returns:
        The shape, dtype and device of ``images``.

    Raises:
        ImprintError: no such augmentation.
    """
    if name == IDENTITY:
        return images
    if name == FLIP:
        return images.flip(3)
    right, down = _offsets(name)
    rows = torch.arange(images.shape[2], device=images.device) - down
    columns = torch.arange(images.shape[3], device=images.device) - right
    rows.clamp_(0, images.shape[2] - 1)
    columns.clamp_(0, images.shape[3] - 1)
    return images.index_select(2, rows).index_select(3, columns)


def shifts(pixels: int) -> tuple[str, ...]:
    """Return the identity and the eight shifts by ``pixels`` to the sides and corners.

    >>> shifts(4)[:3]
    ('identity', 'shift-4-4', 'shift+0-4')
    """
    moves = [(right, down) for down in (-pixels, 0, pixels) for right in (-pixels, 0, pixels)]
    return (IDENTITY, *[f"shift{right:+d}{down:+d}" for right, down in moves if right or down])


def check_augmentations(names: Sequence[str]) -> None:
    """Check a list of augmentations: all known, none twice, the identity first.

    Raises:
        ImprintError: it is not so.
    """
    if not names or names[0] != IDENTITY:
        raise ImprintError(f"augmentations must start with {IDENTITY}, got {', '.join(names)!r}")
    if len(set(names)) < len(names):
        raise ImprintError(f"an augmentation is listed twice in {', '.join(names)!r}: drop one")
    for name in names:
        if name not in (IDENTITY, FLIP):
            _offsets(name)


def _offsets(name: str) -> tuple[int, int]:
    match = _SHIFT.fullmatch(name)
    if match is None:
        raise ImprintError(
            f"unknown augmentation {name!r}: choose {IDENTITY}, {FLIP}, or a shift such as "
            "shift+4-4 (pixels to the right, pixels down)"
        )
    return int(match[1]), int(match[2])
