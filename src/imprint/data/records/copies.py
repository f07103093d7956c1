"""Records that are exact copies of one another, whatever their modality."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from imprint.core.arrays import IntArray
from imprint.data.records.records import Records

READ_AT_ONCE = 1024


def first_equal(sets: Sequence[Records]) -> IntArray:
    """Return the first record of each record's copies, int64 ``[n]``, sets one behind the other.

    Records are copies where their inputs are the same bytes; targets do not count: a model that
    was trained on an input under one label has seen it under any.

    >>> from imprint.data.records.records import ArrayRows
    >>> first = Records(ArrayRows(np.array([[1.0], [2.0]])), np.array([0, 1]))
    >>> first_equal([first, first.take(np.array([1, 1, 0]))]).tolist()
    [0, 1, 1, 1, 0]
    """
    seen: dict[bytes, int] = {}
    first: list[int] = []
    for records in sets:
        for start in range(0, len(records), READ_AT_ONCE):
            rows = np.arange(start, min(start + READ_AT_ONCE, len(records)))
            for values in np.ascontiguousarray(records.inputs.read(rows)):
                digest = hashlib.blake2b(values.tobytes(), digest_size=16).digest()
                first.append(seen.setdefault(digest, len(first)))
    return np.array(first, dtype=np.int64)
