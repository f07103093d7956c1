"""Which model is taken out of each record with a target, so that counts do not tell its side."""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.seeds import derive, uniforms


def draw_partners(members: BoolArray, kept: BoolArray | None = None) -> IntArray | None:
    """Return a model of the other side for every model and record, int64 ``[K, N]``.

    The IN models and the OUT models of a record each stand in a random order of its own; the
    i-th of both are partners of each other, and where the sides differ in size the smaller
    one is gone through again. By an order of the models, rather than a random one, the first
    models would be taken out of one side or the other as the target's membership decides, and
    the signals of these models on every record would reveal it.

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
    drawn = uniforms(derive(0, "partners"), np.arange(records), models).T
    # IN models of each record first, then its OUT models, each side in its random order.
    order = np.argsort(drawn + ~members + 2 * ~kept, axis=0, kind="stable")
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.arange(models)[:, None], axis=0)
    first, second = int(inside[0]), int(outside[0])
    opposite = np.where(members, first + place % second, (place - first) % first)
    return np.take_along_axis(order, opposite, axis=0)
