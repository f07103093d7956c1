"""Which axis of an array of images holds the channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

FIRST: Final = "first"
LAST: Final = "last"
Order = Literal["first", "last"]
USUAL = (1, 3)


def channel_order(shape: Sequence[int]) -> Order | None:
    """Return where the channels of images ``[n, ?, ?, ?]`` stand; None where both are possible.

    Images have 1 or 3 channels most often, first where both axes would do. Others are told by
    their two equal sides: ``[n, 12, 64, 64]`` and ``[n, 64, 64, 12]``.

    >>> channel_order((9, 4, 32, 32)), channel_order((9, 32, 32, 4)), channel_order((9, 4, 20, 30))
    ('first', 'last', None)

    Args:
        shape: of the array, four axes.
    """
    _, first, middle, last = shape
    if first in USUAL:
        return "first"
    if last in USUAL:
        return "last"
    if (middle == last) != (first == middle):
        return "first" if middle == last else "last"
    return None
