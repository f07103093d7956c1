"""Few tests that reach a given coverage: greedy selection, without the tests that it can spare.

The smallest set is a set cover, which is NP-hard; greedy selection is within a factor of 1 + ln of
the marks of the largest test (Chvátal 1979). Tests that those after them made superfluous are left
out again, the last selected first.
"""

from __future__ import annotations

import math

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.selection.greedy import Covering, Selection
from imprint.lenses.coverage.selection.input_marks import InputMarks

TOLERANCE = 1e-12


def select_until(
    covering: Covering, coverage: float, whole: float, count: int = 0, seed: int = 0
) -> Selection:
    """Return few tests that reach a coverage.

    Args:
        covering: of the tests to choose among.
        coverage: to reach, in the units of the criterion.
        whole: coverage of all tests.
        count: most tests; 0 for as many as it takes.
        seed: of the tests that are compared, where gains may rise.

    Raises:
        ImprintError: all tests, or ``count`` of them, do not reach it.
    """
    name, target = covering.criterion.name, coverage - TOLERANCE
    if whole < target:
        raise ImprintError(
            f"all {len(covering.table)} tests reach {whole:.6g} of {name}, below the coverage of "
            f"{coverage:g} that is asked for: add tests, or ask for less"
        )
    selection = covering.select(0, target, seed)
    if covering.marks is not None:
        selection = without_spare(covering.marks, selection, target)
    if count and len(selection) > count:
        raise ImprintError(
            f"{len(selection)} tests were needed for a coverage of {coverage:g} of {name}, more "
            f"than the {count} allowed: raise the number, or ask for less"
        )
    return selection


def without_spare(marks: InputMarks, selection: Selection, target: float) -> Selection:
    """Return a selection without tests that its coverage does not need.

    Args:
        marks: of every test.
        selection: of some of them, whose coverage is at least the target.
        target: value to keep.
    """
    own = [_marks_of(marks, row) for row in selection.order.tolist()]
    holders = np.zeros(marks.count, dtype=np.int64)
    for each in own:
        holders[each] += 1
    reached = int((holders > 0).sum())
    wanted = math.ceil(target / marks.unit - 1e-9)
    kept = np.ones(len(own), dtype=bool)
    for place in reversed(range(len(own))):
        lost = int((holders[own[place]] == 1).sum())
        if reached - lost >= wanted:
            kept[place] = False
            holders[own[place]] -= 1
            reached -= lost
    order = selection.order[kept]
    return Selection(order, _gains_in_order(marks, order), selection.exact)


def _gains_in_order(marks: InputMarks, order: IntArray) -> FloatArray:
    covered = np.zeros(marks.count, dtype=bool)
    gains = np.zeros(len(order))
    for place, row in enumerate(order.tolist()):
        own = _marks_of(marks, row)
        gains[place] = int((~covered[own]).sum())
        covered[own] = True
    return np.asarray(gains * marks.unit)


def _marks_of(marks: InputMarks, row: int) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return marks.marks[marks.starts[row] : marks.starts[row + 1]]
