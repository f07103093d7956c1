import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.lenses.coverage.criteria.idc import ImportanceDrivenCoverage, ImportanceDrivenOptions
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.neurons.activations import ActivationTable, Batch, Layers

LAYERS = Layers(("a", "b", "out"), (5, 4, 3))


def table(inputs: int, seed: int = 0, labelled: bool = True) -> ActivationTable:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, inputs)
    values = random.normal(size=(inputs, 12)).astype(np.float32)
    values[:, [2, 6]] += 3 * labels[:, None]
    values[:, 9:] += 9 * (labels[:, None] == np.arange(3))
    return ActivationTable(LAYERS, values, labels if labelled else None)


def fitted(**options) -> ImportanceDrivenCoverage:
    criterion = ImportanceDrivenCoverage(LAYERS, ImportanceDrivenOptions(**options))
    criterion.fit(table(200))
    return criterion


def test_two_neurons_by_hand() -> None:
    """Thresholds 0 and 0: three inputs reach 2 of 4 cells, could reach 3, and repeat nothing."""
    layers = Layers(("a",), (2,))
    train = ActivationTable(layers, np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]], np.float32))
    criterion = CRITERIA.get("idc")(layers)
    criterion.fit(train)
    assert isinstance(criterion, ImportanceDrivenCoverage)
    assert criterion.cells[0].thresholds.tolist() == [[0.0], [0.0]]
    batch = Batch(layers, torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [-1.0, 1.0]]))
    criterion.update(batch)
    for _ in range(2):
        assert (criterion.value(), criterion.ceiling(3)) == (0.5, 0.75)
    criterion.update(batch)
    assert (criterion.value(), criterion.ceiling(6), criterion.inputs) == (0.5, 1.0, 6)
    found = criterion.coverage()
    assert (found.reached, found.training_cells, found.training_cells_reached) == (2, 4, 2)
    assert criterion.reached[1].tolist() == [2, 4]


@given(
    size=st.integers(1, 50),
    cut=st.integers(0, 50),
    seed=st.integers(0, 99),
    clusters=st.sampled_from(["all", "class"]),
)
@settings(max_examples=15, deadline=None)
def test_value_depends_on_the_set_of_inputs_alone(size, cut, seed, clusters) -> None:
    """Whatever the batch size, the order and the halves that merge."""
    whole, parts, halves = (fitted(k=0, m=4, clusters=clusters) for _ in range(3))
    test = table(50, seed + 1)
    labels = torch.from_numpy(test.labels)
    values = torch.from_numpy(test.values)
    whole.update(Batch(LAYERS, values, labels))
    order = torch.from_numpy(np.random.default_rng(seed).permutation(50))
    for start in range(0, 50, size):
        rows = order[start : start + size]
        parts.update(Batch(LAYERS, values[rows], labels[rows]))
    other = halves.fresh()
    halves.update(Batch(LAYERS, values[:cut], labels[:cut]))
    other.update(Batch(LAYERS, values[cut:], labels[cut:]))
    before = other.value()
    halves.merge(other)
    assert other.value() == before
    for criterion in (parts, halves):
        assert criterion.inputs == 50
        assert criterion.value() == whole.value()
        for one, same in zip(criterion.reached, whole.reached, strict=True):
            assert torch.equal(one, same)


def test_gain_is_what_one_input_adds() -> None:
    criterion = fitted(k=3, m=3)
    criterion.update(next(table(20, 5).batches()))
    before = criterion.value()
    batch = next(table(30, 6).batches())
    gains = criterion.gain(batch)
    assert criterion.value() == before
    for row, gain in enumerate(gains.tolist()):
        alone = criterion.fresh()
        alone.merge(criterion)
        alone.update(batch.rows(slice(row, row + 1)))
        assert gain == pytest.approx(alone.value() - before, abs=1e-15)
    assert 0 < (gains > 0).sum() < 30


@pytest.mark.parametrize("options", [{"k": 0}, {"clusters": "class", "k": 3}, {"m": 99, "k": 64}])
def test_state_travels(options) -> None:
    """Also of more cells than 64 bits count."""
    criterion = fitted(**options)
    criterion.update(next(table(40, 3).batches()))
    other = ImportanceDrivenCoverage(LAYERS, criterion.options)
    other.load_state_dict(criterion.state_dict())
    for one in (criterion, other):
        one.update(next(table(40, 4).batches()))
    assert other.value() == criterion.value()
    assert (other.coverage(), other.total) == (criterion.coverage(), criterion.total)


def test_training_data_reach_their_own_cells() -> None:
    criterion = fitted(k=0)
    criterion.update(next(table(200).batches()))
    found = criterion.coverage()
    assert found.reached == found.training_cells == found.training_cells_reached
