"""Greedy selection against the plain one, which computes every gain at every step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.selection.greedy import (
    Covering,
    select_by_marks,
    select_lazily,
    select_sampled,
)
from imprint.lenses.coverage.selection.input_marks import InputMarks, collect_marks, has_marks
from imprint.neurons.activations import ActivationTable
from tests.lenses.coverage.made_activations import LAYERS, training, unseen


def made(name):
    criterion = CRITERIA.get(name)(LAYERS)
    if criterion.reads_training:
        criterion.fit(training())
    return criterion


@pytest.fixture(scope="module")
def tests():
    batch = unseen(40)
    return ActivationTable(LAYERS, batch.values.numpy(), batch.labels.numpy())


def plain(criterion, table, count):
    """Every gain at every step; the first of equal ones."""
    state, order, added = criterion.fresh(), [], []
    for _ in range(count):
        gains = state.gain(table.batch(np.arange(len(table)))).numpy()
        gains[order] = -np.inf
        best = int(gains.argmax())
        before = state.value()
        state.update(table.batch(np.array([best])))
        order.append(best)
        added.append(state.value() - before)
    return order, added


NAMES = [name for name in CRITERIA.names() if name != "wisdom"]


@pytest.mark.parametrize("name", NAMES)
def test_selection_is_that_of_plain_greedy(name, tests):
    criterion = made(name)
    selection = Covering(criterion, tests).select()
    if not (has_marks(criterion) or criterion.diminishing):
        selection = select_sampled(Covering(criterion, tests), 12, np.inf, len(tests), 0)
    order, added = plain(criterion, tests, len(selection))
    assert selection.order.tolist() == order
    np.testing.assert_allclose(selection.gains, added, atol=1e-12)
    assert selection.exact
    assert criterion.inputs == 0


@pytest.mark.parametrize("name", [name for name in NAMES if CRITERIA.get(name).diminishing])
def test_lazy_selection_is_that_of_plain_greedy(name, tests):
    criterion = made(name)
    selection = select_lazily(Covering(criterion, tests), 15)
    order, added = plain(criterion, tests, len(selection))
    assert selection.order.tolist() == order
    np.testing.assert_allclose(selection.gains, added, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_all_that_add_reach_the_value_of_all(name, tests):
    criterion = made(name)
    if criterion.order_free and (has_marks(criterion) or criterion.diminishing):
        whole = criterion.fresh()
        whole.update(tests.batch(np.arange(len(tests))))
        assert Covering(criterion, tests).select().gains.sum() == pytest.approx(whole.value())
        assert Covering(criterion, tests).alone().max() == pytest.approx(
            Covering(criterion, tests).select(count=1).gains[0]
        )


def test_selection_ends_at_the_target(tests):
    criterion = made("kmnc")
    everything = Covering(criterion, tests).select()
    half = everything.gains.sum() / 2
    some = Covering(criterion, tests).select(target=half)
    assert some.gains.sum() >= half > some.gains[:-1].sum()
    assert some.order.tolist() == everything.order[: len(some)].tolist()


def test_sampled_selection_compares_few_and_says_so(tests):
    criterion = made("nlc")
    selection = select_sampled(Covering(criterion, tests), 10, np.inf, 5, seed=3)
    assert not selection.exact
    assert len(set(selection.order.tolist())) == 10
    again = select_sampled(Covering(criterion, tests), 10, np.inf, 5, seed=3)
    assert selection.order.tolist() == again.order.tolist()


@given(
    st.lists(st.sets(st.integers(0, 12), max_size=6), min_size=1, max_size=12),
    st.integers(1, 12),
)
def test_set_cover_by_hand(inputs, count):
    starts = np.cumsum([0, *map(len, inputs)])
    marks = np.array([mark for each in inputs for mark in sorted(each)], dtype=np.int32)
    selection = select_by_marks(InputMarks(starts, marks, 13, 0.5), count)
    covered: set[int] = set()
    for place, (row, gain) in enumerate(zip(selection.order, selection.gains, strict=True)):
        fresh = [len(each - covered) for each in inputs]
        assert row == fresh.index(max(fresh))
        assert gain == max(fresh) * 0.5
        covered |= inputs[row]
        assert place < count
    if len(selection) < count:
        assert covered == set().union(*inputs)


def test_marks_of_each_input_are_those_of_the_criterion(tests):
    criterion = made("tknc")
    marks = collect_marks(criterion, tests)
    assert len(marks) == len(tests)
    np.testing.assert_allclose(
        marks.sizes() * marks.unit, criterion.gain(tests.batch(np.arange(len(tests)))).numpy()
    )
