"""Few tests for a coverage, against every subset of a few tests."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.selection.greedy import Covering, select_by_marks
from imprint.lenses.coverage.selection.input_marks import InputMarks
from imprint.lenses.coverage.selection.minimise import select_until, without_spare
from imprint.neurons.activations import ActivationTable
from tests.lenses.coverage.made_activations import LAYERS, training, unseen


def marks_of(inputs: list[set[int]]) -> InputMarks:
    starts = np.cumsum([0, *map(len, inputs)])
    marks = np.array([mark for each in inputs for mark in sorted(each)], dtype=np.int32)
    return InputMarks(starts, marks, 13, 0.5)


def test_a_test_that_later_ones_made_superfluous_is_left_out() -> None:
    # Greedy takes the first, then needs both others, which cover its marks as well.
    marks = marks_of([{1, 2, 3, 4}, {1, 2, 5, 6}, {3, 4, 7, 8}])
    greedy = select_by_marks(marks, 3)
    assert greedy.order.tolist() == [0, 1, 2]
    few = without_spare(marks, greedy, 8 * 0.5)
    assert (few.order.tolist(), few.gains.tolist()) == ([1, 2], [2.0, 2.0])


@settings(max_examples=40)
@given(st.lists(st.sets(st.integers(0, 12), max_size=6), min_size=1, max_size=7), st.floats(0, 1))
def test_no_test_of_the_result_can_be_spared(inputs: list[set[int]], share: float) -> None:
    marks = marks_of(inputs)
    target = np.ceil(share * len(set().union(*inputs))) * 0.5
    few = without_spare(marks, select_by_marks(marks, len(inputs), target), target)

    def value(rows: tuple[int, ...]) -> float:
        return len(set().union(*(inputs[row] for row in rows))) * 0.5

    rows = tuple(few.order.tolist())
    assert few.gains.sum() == value(rows) >= target
    for row in rows:
        assert value(tuple(other for other in rows if other != row)) < target
    smallest = min(
        size
        for size in range(len(inputs) + 1)
        if any(value(some) >= target for some in combinations(range(len(inputs)), size))
    )
    assert smallest <= len(rows) <= smallest * (1 + np.log(6)) + 1e-9


@pytest.mark.parametrize("name", ["kmnc", "nc", "nlc"])
def test_a_coverage_is_reached_or_refused(name: str) -> None:
    batch = unseen(40)
    tests = ActivationTable(LAYERS, batch.values.numpy(), batch.labels.numpy())
    criterion = CRITERIA.get(name)(LAYERS)
    if criterion.reads_training:
        criterion.fit(training())
    whole = criterion.fresh()
    whole.update(tests.batch(slice(None)))
    covering = Covering(criterion, tests)
    coverage = 0.7 * whole.value()
    selection = select_until(covering, coverage, whole.value())
    assert selection.gains.sum() >= coverage - 1e-9
    with pytest.raises(ImprintError, match=f"all 40 tests reach .* of {name}"):
        select_until(covering, 1.1 * whole.value(), whole.value())
    if len(selection) > 1:
        with pytest.raises(ImprintError, match="more than the 1 allowed"):
            select_until(covering, coverage, whole.value(), count=1)
