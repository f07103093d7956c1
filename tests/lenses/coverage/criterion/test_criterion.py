"""What holds for every registered coverage criterion, whatever it measures."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.coverage.criteria.wisdom import VotedCellOptions
from imprint.lenses.coverage.criterion.criterion import CRITERIA, Criterion
from imprint.lenses.coverage.criterion.criterion_options import parse_parameters
from imprint.lenses.coverage.measure.measure import measure
from imprint.lenses.coverage.measure.tally import NO_MARK
from imprint.neurons.activations import Batch
from tests.lenses.coverage.made_activations import LAYERS, training, unseen


@dataclass(frozen=True)
class Case:
    """A criterion with options, as the command line gives them."""

    name: str
    parameters: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return " ".join((self.name, *self.parameters))

    def make(self) -> Criterion:
        """Return it, fitted if it needs that."""
        given = [f"{self.name}.{parameter}" for parameter in self.parameters]
        options: Any = parse_parameters(given).get(self.name)
        if self.name == "wisdom":
            options = VotedCellOptions(m=3, votes=tuple(range(LAYERS.neurons, 0, -1)))
        criterion = CRITERIA.get(self.name)(LAYERS, options)
        if criterion.reads_training:
            criterion.fit(training())
        return criterion


OTHERS = (
    Case("nc", ("threshold=0",)),
    Case("kmnc", ("k=4",)),
    Case("kmnc", ("k=4", "compat=true")),
    Case("snac", ("sigma=0.5",)),
    Case("nbc", ("sigma=0.5",)),
    Case("tknc", ("k=1",)),
    Case("tknp", ("k=1",)),
    Case("cc", ("threshold=2",)),
    Case("cc", ("threshold=0",)),
    Case("nlc", ("mode=paper",)),
    Case("lsc", ("width=0.5",)),
    Case("lsc", ("width=0.5", "compat=true")),
    Case("lsc", ("upper=40", "sections=50")),
    Case("dsc", ("reference=x_a",)),
    Case("dsc", ("upper=2", "sections=20")),
    Case("mdsc", ("width=0.1",)),
    Case("mdsc", ("width=0.1", "shrinkage=none")),
)
CASES = (*map(Case, CRITERIA.names()), *OTHERS)
ORDER_FREE = [case for case in CASES if case.make().order_free]

PAPER = Case("nlc", ("mode=paper",))
LEARNING = [case for case in CASES if case.make().reads_training]

every = pytest.mark.parametrize("case", CASES, ids=str)
order_free = pytest.mark.parametrize("case", ORDER_FREE, ids=str)
learning = pytest.mark.parametrize("case", LEARNING, ids=str)
any_batches = pytest.mark.parametrize("case", [case for case in CASES if case != PAPER], ids=str)


def after(criterion: Criterion, batch: Batch, size: int | None = None) -> Criterion:
    """Return a fresh criterion that saw the batch, so many inputs at a time."""
    found, step = criterion.fresh(), size or max(1, len(batch))
    for start in range(0, len(batch), step):
        found.update(batch.rows(slice(start, start + step)))
    return found


def test_only_two_criteria_depend_on_the_order() -> None:
    dependent = {str(case) for case in CASES if case not in ORDER_FREE}
    assert dependent == {"cc", "cc threshold=2", "cc threshold=0", "nlc mode=paper"}


@every
def test_nothing_is_covered_by_no_inputs(case: Case) -> None:
    criterion = case.make()
    start = 1.0 if case == PAPER else 0.0
    assert criterion.value() == start
    criterion.update(unseen().rows(slice(0)))
    assert (criterion.value(), criterion.inputs) == (start, 0)
    assert criterion.ceiling(0) in (0.0, None)


@every
def test_inputs_cover_something_within_the_ceiling(case: Case) -> None:
    criterion = case.make()
    reached = []
    for count in (1, 2, 5, 60):
        ceiling = criterion.ceiling(count)
        value = after(criterion, unseen().rows(slice(count))).value()
        assert ceiling is None or value <= ceiling
        reached.append(value)
    assert reached[-1] > criterion.fresh().value()


@any_batches
@pytest.mark.parametrize("size", [1, 7])
def test_batch_size_does_not_matter(case: Case, size: int) -> None:
    criterion = case.make()
    whole, parts = after(criterion, unseen()), after(criterion, unseen(), size)
    assert parts.value() == pytest.approx(whole.value(), rel=1e-12)
    assert parts.inputs == whole.inputs == 60


@order_free
def test_order_does_not_matter(case: Case) -> None:
    criterion = case.make()
    order = torch.from_numpy(np.random.default_rng(3).permutation(60))
    shuffled = after(criterion, unseen().rows(order), 7)
    assert shuffled.value() == pytest.approx(after(criterion, unseen()).value(), rel=1e-12)


@order_free
def test_repeated_inputs_change_nothing(case: Case) -> None:
    criterion = case.make()
    once, twice = after(criterion, unseen()), after(criterion, unseen())
    twice.update(unseen())
    assert twice.value() == pytest.approx(once.value(), rel=1e-12)


@order_free
def test_two_halves_merge_to_the_whole(case: Case) -> None:
    criterion = case.make()
    first, second = (after(criterion, unseen().rows(half)) for half in (slice(25), slice(25, 60)))
    before = second.value()
    first.merge(second)
    whole = after(criterion, unseen())
    assert first.value() == pytest.approx(whole.value(), rel=1e-12)
    assert first.inputs == 60
    assert second.value() == before
    empty = criterion.fresh()
    empty.merge(first)
    assert empty.value() == pytest.approx(whole.value(), rel=1e-12)
    extra = unseen(20, seed=9)
    first.update(extra)
    whole.update(extra)
    assert first.value() == pytest.approx(whole.value(), rel=1e-12)
    assert second.value() == before


@every
@pytest.mark.parametrize("seen", [0, 1, 40])
def test_gain_is_the_difference_that_each_input_alone_makes(case: Case, seen: int) -> None:
    criterion = case.make()
    start, asked = unseen().rows(slice(seen)), unseen(20, seed=5)
    state = after(criterion, start)
    before = state.value()
    gains = state.gain(asked)
    expected = []
    for row in range(len(asked)):
        alone = after(criterion, start)
        alone.update(asked.rows(slice(row, row + 1)))
        expected.append(alone.value() - before)
    assert gains.dtype == torch.float64
    np.testing.assert_allclose(gains.numpy(), expected, rtol=1e-9, atol=1e-12)
    assert state.value() == before


@every
def test_state_survives_being_saved(case: Case) -> None:
    criterion = case.make()
    first = after(criterion, unseen().rows(slice(30)), 7)
    state = {name: tensor.clone() for name, tensor in first.state_dict().items()}
    loaded = CRITERIA.get(case.name)(LAYERS, criterion.options)
    loaded.load_state_dict(state)
    assert loaded.value() == first.value()
    assert loaded.inputs == 30
    assert loaded.ceiling(7) == first.ceiling(7)
    rest = unseen().rows(slice(30, 60))
    loaded.update(rest)
    first.update(rest)
    assert loaded.value() == first.value()
    again = loaded.state_dict()
    for name, tensor in first.state_dict().items():
        torch.testing.assert_close(again[name], tensor, rtol=0, atol=0)


@every
def test_saved_and_fitted_state_never_changes_afterwards(case: Case) -> None:
    criterion = case.make()
    criterion.update(unseen().rows(slice(10)))
    value = criterion.value()
    saved = criterion.state_dict()
    copies = {name: tensor.clone() for name, tensor in saved.items()}
    fresh = criterion.fresh()
    fresh.update(unseen(30, seed=8))
    assert criterion.value() == value
    criterion.update(unseen(30, seed=8))
    criterion.gain(unseen(5, seed=4))
    for name, tensor in copies.items():
        torch.testing.assert_close(saved[name], tensor, rtol=0, atol=0)
    fitted = criterion.fresh().state_dict()
    again = case.make().state_dict()
    for name, tensor in again.items():
        torch.testing.assert_close(fitted[name], tensor, rtol=0, atol=0)


@every
def test_activations_that_are_no_numbers_are_refused(case: Case) -> None:
    criterion = case.make()
    spoilt = unseen()
    spoilt.values[3, 2] = torch.nan
    spoilt.values[8, 0] = torch.inf
    before = criterion.value()
    with pytest.raises(ImprintError, match="2 of 60 inputs"):
        criterion.update(spoilt)
    assert (criterion.value(), criterion.inputs) == (before, 0)


@learning
def test_training_data_must_be_numbers_and_not_none(case: Case) -> None:
    criterion, train = case.make(), training()
    train.values[5, 1] = np.nan
    with pytest.raises(ImprintError, match=r"1 of 120 training inputs|NaN or infinite"):
        criterion.fit(train)
    with pytest.raises(ImprintError, match="no training activations"):
        criterion.fit(training(0))


@learning
def test_an_update_before_the_fit_is_refused(case: Case) -> None:
    bare = CRITERIA.get(case.name)(LAYERS, case.make().options)
    with pytest.raises(ImprintError, match="call fit"):
        bare.update(unseen())


COUNTING = [case for case in ORDER_FREE if case.make().interval == "counts"]


@pytest.mark.parametrize("case", COUNTING, ids=str)
def test_the_value_is_the_number_of_different_marks(case: Case) -> None:
    criterion = case.make()
    batch = unseen()
    value = after(criterion, batch).value()
    marks = criterion.marks(batch)
    assert marks.dtype == torch.int64
    assert len(marks) == len(batch)
    for row in marks.tolist():
        named = [mark for mark in row if mark != NO_MARK]
        assert len(named) == len(set(named))
    different = marks[marks != NO_MARK].unique()
    assert len(different) * criterion.unit == pytest.approx(value, rel=1e-12)
    if criterion.mark_count() is not None:
        assert 0 <= int(different.min()) <= int(different.max()) < criterion.mark_count()
    else:
        assert marks.shape[1] == 1


@pytest.mark.parametrize("case", ORDER_FREE, ids=str)
def test_an_interval_holds_the_value_and_is_never_a_point(case: Case) -> None:
    criterion = case.make()
    batch = unseen()
    parts = [batch.rows(slice(start, start + 3)) for start in range(0, len(batch), 3)]
    finding = measure({"it": criterion}, parts)["it"]
    if criterion.interval is None:
        assert finding.ci95 == Missing(criterion.without_interval)
        return
    if isinstance(finding.ci95, Missing):
        assert "leaving out any of 20 groups of inputs changes nothing" in finding.ci95.missing
        return
    low, high = finding.ci95
    assert low <= finding.value <= high
    assert low < high
