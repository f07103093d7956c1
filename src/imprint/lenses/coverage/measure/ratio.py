"""The normalisation by which WISDOM puts criteria on one scale, to compare with its numbers.

Shares stay as they are; patterns are divided by the inputs or 10,000, if fewer; distinct degrees
of surprise and kept vectors by the inputs; NeuraL Coverage by its start, of which it counts the
rise. All are cut to [0, 1]. To compare criteria soundly, divide by :meth:`Criterion.ceiling`.
"""

from __future__ import annotations

MOST_PATTERNS = 10_000
COUNTED = ("lsc", "dsc", "mdsc", "cc")


def published_ratio(name: str, value: float, inputs: int, start: float = 0.0) -> float:
    """Return the value of a criterion on WISDOM's scale, in [0, 1].

    Args:
        name: of the criterion.
        value: as it gives it, with buckets, not sections, for surprise.
        inputs: how many it saw.
        start: its value for no inputs; 1 for ``nlc`` in paper mode, and 0 in exact mode, which
            counts the same rise.

    >>> published_ratio("tknp", 50, 200), published_ratio("nlc", 1.25, 200, start=1.0)
    (0.25, 0.25)
    """
    if name == "tknp":
        value /= max(1, min(inputs, MOST_PATTERNS))
    elif name in COUNTED:
        value /= max(1, inputs)
    elif name == "nlc":
        value = (value - start) / (start or 1)
    return min(max(value, 0.0), 1.0)
