"""Which model is taken out of each record with a target, so that nothing tells its side.

In a balanced cohort the counts of the others would. And where cohorts are trained in pairs, one
model on a half of the records and one on the other half, the second of a pair is an OUT model
exactly where the first is an IN model: what it says of every record reveals the first's members
(an AUC of .67 of 16 perceptrons in pairs fell to .65 for a classifier that had learned it).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.seeds import derive, uniforms

Partners = NDArray[np.signedinteger]
"""Models of another side, 2 bytes each: as many as there are signals."""

BLOCK_VALUES = 1 << 22
"""Models times records that are paired at a time."""


def draw_partners(members: BoolArray, kept: BoolArray | None = None) -> Partners | None:
    """Return a model of the other side for every model and record, ``[K, N]``.

    The IN models and the OUT models of a record each stand in a random order of its own; the
    i-th of both are partners of each other, and where the sides differ in size the smaller
    one is gone through again. By an order of the models, rather than a random one, the first
    models would be taken out of one side or the other as the target's membership decides, and
    the signals of these models on every record would reveal it. A model with a complement has that
    as its partner wherever it is kept.

    Args:
        members: bool ``[K, N]``, which model was trained on which record.
        kept: bool ``[K, N]``, the models that are still there, equally many of every record; all
            by default. What stands for the others means nothing.

    Returns:
        None unless every record has the same number of IN models, some, and of OUT models, some.
    """
    models, records = members.shape
    kept = np.ones_like(members) if kept is None else kept
    inside, outside = (kept & members).sum(axis=0), (kept & ~members).sum(axis=0)
    for side in (inside, outside):
        if np.ptp(side) > 0 or side[0] == 0:
            return None
    paired = find_complements(members)
    complement = np.maximum(paired, 0)
    partners = np.empty((models, records), dtype=np.int16 if models < 1 << 15 else np.int32)
    size = max(1, BLOCK_VALUES // models)
    for start in range(0, records, size):
        part = slice(start, min(start + size, records))
        drawn = _draw_block(members[:, part], kept[:, part], start, int(inside[0]), int(outside[0]))
        pairs = (paired >= 0)[:, None] & kept[:, part][complement]
        partners[:, part] = np.where(pairs, complement[:, None], drawn)
    return partners


def _draw_block(
    members: BoolArray, kept: BoolArray, start: int, first: int, second: int
) -> IntArray:
    """Return the partners of a block of records that begins with record ``start``, ``[K, n]``.

    Args:
        members: bool ``[K, n]``.
        kept: bool ``[K, n]``.
        start: number of the first record.
        first: IN models of every record.
        second: OUT models of every record.
    """
    models, records = members.shape
    drawn = uniforms(derive(0, "partners"), np.arange(start, start + records), models).T
    # IN models of each record first, then its OUT models, each side in its random order.
    order = np.argsort(drawn + ~members + 2 * ~kept, axis=0, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(models)[:, None], axis=0)
    opposite = np.where(members, first + place % second, (place - first) % first)
    return np.take_along_axis(order, opposite, axis=0)


def find_complements(members: BoolArray) -> IntArray:
    """Return for every model the first that was trained on exactly the other records.

    Args:
        members: bool ``[K, N]``.

    Returns:
        int64 ``[K]``, -1 where there is none.
    """
    packed, opposite = np.packbits(members, axis=1), np.packbits(~members, axis=1)
    first = {row.tobytes(): place for place, row in reversed(list(enumerate(packed)))}
    return np.array([first.get(row.tobytes(), -1) for row in opposite], dtype=np.int64)
