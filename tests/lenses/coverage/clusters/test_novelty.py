"""Novelty of an input: hand-checked levels, a count by brute force, distances, the calibration."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.novelty import SeenCells, seen_cells
from imprint.neurons.activations import ActivationTable, Layers


def table(values: np.ndarray, widths: tuple[int, ...]) -> ActivationTable:
    names = tuple(f"layer{row}" for row in range(len(widths)))
    return ActivationTable(Layers(names, widths), values.astype(np.float32))


def test_levels_by_hand() -> None:
    # Cells of one neuron with thresholds 0 and 1: three inputs below 0, one from 0 on, one from 1.
    values = np.array([[-1.0], [-2.0], [-3.0], [0.0], [5.0]])
    cells = seen_cells(table(values, (1,)), np.array([0]), [np.array([0.0, 1.0])])
    found = cells.of(torch.tensor([[-9.0], [0.5], [1.0]]))
    assert cells.inputs(found.codes).tolist() == [3, 1, 1]
    # Nothing is larger than the cell of three; three of five inputs are in a larger one else.
    assert found.novelty.tolist() == [0.0, 0.6, 0.6]
    assert cells.alone == 0.4
    assert cells.cells == 3


def test_a_cell_that_no_training_input_reached_is_wholly_novel() -> None:
    values = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
    zero = np.array([0.0])
    cells = seen_cells(table(values, (1, 1)), np.array([1, 0]), [zero, zero])
    found = cells.of(torch.tensor([[1.0, -1.0], [-1.0, 1.0]]))
    assert cells.inputs(found.codes).tolist() == [0, 1]
    assert found.novelty[0] == 1
    assert cells.distance(found.codes).tolist() == [1, 0]
    assert cells.digits(found.codes).tolist() == [[1, 0], [0, 1]]


def test_counts_agree_with_a_dictionary_of_cells() -> None:
    generator = np.random.default_rng(0)
    train, test = generator.normal(size=(500, 6)), 1.5 * generator.normal(size=(200, 6))
    neurons = np.array([5, 0, 3])
    thresholds = [np.array([0.0]), np.array([-1.0, 0.5]), np.array([])]
    cells = seen_cells(table(train, (2, 4)), neurons, thresholds)

    def cell(row: np.ndarray) -> tuple[int, ...]:
        return tuple(
            sum(bool(np.float32(row[neuron]) >= np.float32(limit)) for limit in limits)
            for neuron, limits in zip(neurons, thresholds, strict=True)
        )

    known: dict[tuple[int, ...], int] = {}
    for row in train:
        known[cell(row)] = known.get(cell(row), 0) + 1
    found = cells.of(torch.from_numpy(test[:, np.sort(neurons)].astype(np.float32)))
    counts = [known.get(cell(row), 0) for row in test]
    assert cells.inputs(found.codes).tolist() == counts
    novelty = [
        1.0 if not count else sum(size for size in known.values() if size > count) / len(train)
        for count in counts
    ]
    np.testing.assert_allclose(found.novelty, novelty)
    nearest = [
        min(sum(a != b for a, b in zip(cell(row), other, strict=True)) for other in known)
        for row in test
    ]
    assert cells.distance(found.codes).tolist() == nearest
    assert cells.cells == 6


def test_a_search_among_many_cells_agrees_with_the_list_of_few(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.random.default_rng(2).normal(size=(300, 3))
    limits = [np.array([-0.5, 0.5])] * 3
    given = torch.from_numpy(values[:100].astype(np.float32) * 2)
    listed = seen_cells(table(values, (3,)), np.arange(3), limits).of(given)
    monkeypatch.setattr("imprint.lenses.coverage.clusters.novelty.MOST_LISTED", 1)
    searched = seen_cells(table(values, (3,)), np.arange(3), limits).of(given)
    assert searched.novelty.tolist() == listed.novelty.tolist()
    assert len(set(listed.novelty.tolist())) > 3


def test_inputs_like_the_training_data_are_rarely_novel() -> None:
    generator = np.random.default_rng(1)
    neurons, limits = np.arange(4), [np.array([-0.5, 0.5])] * 4
    cells = seen_cells(table(generator.normal(size=(20_000, 4)), (4,)), neurons, limits)
    fresh = torch.from_numpy(generator.normal(size=(20_000, 4)).astype(np.float32))
    novelty = cells.of(fresh).novelty
    for alpha in (0.05, 0.2, 0.5):
        # Five standard errors of a share of 20,000, and the size of one cell.
        largest = float(cells.counts.max()) / 20_000
        assert float((novelty >= 1 - alpha).double().mean()) <= alpha + largest + 5 * 0.0036


def test_too_many_cells_and_wrong_shapes_are_refused() -> None:
    wide = table(np.zeros((2, 70)), (70,))
    with pytest.raises(ImprintError, match="choose fewer"):
        seen_cells(wide, np.arange(70), [np.array([0.0])] * 70)
    with pytest.raises(ImprintError, match="training inputs"):
        seen_cells(table(np.zeros((0, 1)), (1,)), np.array([0]), [np.array([0.0])])
    one = torch.zeros(1, dtype=torch.int64)
    with pytest.raises(ImprintError, match="ascending"):
        SeenCells(Layers(("a",), (2,)), torch.tensor([1, 0]), torch.zeros(2, 1), one, one)
    with pytest.raises(ImprintError, match="cannot observe neuron 3"):
        SeenCells(Layers(("a",), (2,)), torch.tensor([3]), torch.zeros(1, 1), one, one)


@pytest.mark.parametrize("count", [1, 40], ids=["listed", "searched"])
def test_an_activation_that_is_not_finite_is_wholly_novel(count: int) -> None:
    values = np.repeat(np.array([[-1.0], [1.0]]), count, axis=1)
    limits = [np.array([0.0])] * count
    cells = seen_cells(table(values, (count,)), np.arange(count), limits)
    asked = torch.ones(4, count)
    asked[:3, -1] = torch.tensor([torch.nan, torch.inf, -torch.inf])
    found = cells.of(asked)
    assert found.novelty.tolist() == [1.0, 1.0, 1.0, 0.0]
    assert found.codes[:3].tolist() == [-1, -1, -1]
    assert cells.inputs(found.codes).tolist() == [0, 0, 0, 1]
    assert cells.distance(found.codes).tolist() == [count, count, count, 0]
