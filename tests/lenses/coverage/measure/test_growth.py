from __future__ import annotations

import numpy as np
import pytest
import torch

from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.measure.growth import mark_of, ready_criteria, seen, with_more
from tests.lenses.coverage.made_activations import training

NAMES = CRITERIA.names()
SETTINGS = {name: CRITERIA.get(name).Options() for name in NAMES if name != "wisdom"}


def test_more_inputs_are_those_of_one_set_and_leave_the_first_as_it_is() -> None:
    train, tests, more = training(60, 1), training(30, 2), training(20, 3)
    criteria, _ = ready_criteria(SETTINGS, train, tests)
    assert len(criteria) > 10
    for name, criterion in criteria.items():
        first = seen(criterion, tests)
        before = {key: value.clone() for key, value in first.state_dict().items()}
        both = with_more(first, more)
        expected = with_more(seen(criterion, tests, np.arange(30)), more, np.arange(20))
        assert both.value() == pytest.approx(expected.value()), name
        whole = seen(criterion, tests)
        for start in range(0, 20, 7):
            whole.update(more.batch(slice(start, start + 7)))
        if criterion.order_free:
            assert both.value() == pytest.approx(whole.value(), rel=1e-5), name
        after = first.state_dict()
        assert before.keys() == after.keys()
        assert all(torch.equal(before[key], after[key]) for key in before), name
        assert criterion.inputs == 0


def test_marks_are_whole_things() -> None:
    criteria, _ = ready_criteria(SETTINGS, training(60, 1), training(30, 2))
    tests = training(30, 2)
    for name, criterion in criteria.items():
        mark = mark_of(criterion)
        if mark is not None:
            marks = seen(criterion, tests).value() / mark
            assert marks == pytest.approx(round(marks), abs=1e-6), name
    assert mark_of(criteria["nlc"]) is None
    assert mark_of(criteria["nc"]) is not None
