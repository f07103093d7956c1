import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.cells import (
    Cells,
    coverage,
    distinct,
    log10,
    share,
    shared,
    within,
)


def test_two_neurons_by_hand() -> None:
    """Thresholds (0), (0): three inputs reach 2 of 4 cells and could reach 3."""
    cells = Cells.between([[0.0], [0.0]])
    inputs = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [-1.0, 1.0]])
    for _ in range(2):
        found = coverage(cells.codes(inputs), cells.total)
        assert (found.reached, found.total, found.value, found.ceiling) == (2, 4, 0.5, 0.75)
    twice = coverage(cells.codes(inputs.repeat(2, 1)), cells.total)
    assert (twice.value, twice.ceiling) == (0.5, 1.0)


def test_thresholds_are_closed_below() -> None:
    cells = Cells.between([[0.0, 1.0], []])
    values = torch.tensor([[-0.5, 7.0], [0.0, 7.0], [1.0, 7.0]])
    assert cells.digits(values).tolist() == [[0, 0], [1, 0], [2, 0]]
    assert (cells.total, cells.clusters) == (3, (3, 1))


@given(
    clusters=st.lists(st.integers(1, 9), min_size=1, max_size=12),
    inputs=st.integers(1, 40),
    seed=st.integers(0, 99),
)
@settings(max_examples=50, deadline=None)
def test_codes_count_different_rows(clusters, inputs, seed) -> None:
    random = np.random.default_rng(seed)
    cells = Cells.between([list(range(1, k)) for k in clusters])
    rows = random.integers(0, clusters, size=(inputs, len(clusters)))
    codes = cells.codes(torch.from_numpy(rows.astype(np.float32)))
    assert len(distinct(codes)[0]) == len(np.unique(rows, axis=0))
    assert cells.total == math.prod(clusters)
    assert 0 <= int(codes.min()) <= int(codes.max()) < cells.total
    assert [cells.spelled(code) for code in codes.tolist()] == [tuple(row) for row in rows.tolist()]


def test_more_cells_than_64_bits_count() -> None:
    """9^40 cells: neighbours in one digit, and equal rows."""
    cells = Cells.between([list(range(1, 9))] * 40)
    assert cells.total == 9**40
    rows = np.zeros((321, 40), dtype=np.float32)
    for neuron in range(40):
        for digit in range(1, 9):
            rows[1 + 8 * neuron + digit - 1, neuron] = digit
    codes = cells.codes(torch.from_numpy(np.concatenate([rows, rows])))
    assert codes.shape == (642, 2)
    found, counts = distinct(codes)
    assert (len(found), set(counts.tolist())) == (321, {2})
    measured = coverage(codes, cells.total, codes[:10])
    assert measured.value == 321 / 9**40
    assert log10(measured.total) == pytest.approx(40 * math.log10(9))
    assert (measured.training_cells, measured.training_cells_reached) == (10, 10)


@pytest.mark.parametrize("width", [1, 2])
def test_sets_of_codes(width: int) -> None:
    one = torch.tensor([[1, 0], [2, 0], [2, 5]])[:, :width]
    one = distinct(one)[0]
    other = torch.tensor([[2, 0], [9, 0]])[:, :width]
    assert shared(one, other).tolist() == [[2, 0][:width]]
    asked = torch.tensor([[9, 0], [1, 0], [2, 0]])[:, :width]
    assert within(asked, one).tolist() == [False, True, True]
    assert within(asked[:0], one).tolist() == []
    found, counts = distinct(torch.cat([other, other[:1]]), torch.tensor([5, 7, 1]))
    assert (found.tolist(), counts.tolist()) == (other.tolist(), [6, 7])


def test_the_ceiling_of_very_many_cells_is_not_zero() -> None:
    assert share(10_000, 2**1000) == pytest.approx(10_000 * 2.0**-1000)
    assert share(5, 4) == 1.0


def test_activations_that_are_not_finite_have_no_cell() -> None:
    with pytest.raises(ImprintError, match="1 activations of neurons with cells"):
        Cells.between([[0.0]]).codes(torch.tensor([[math.nan], [1.0]]))
