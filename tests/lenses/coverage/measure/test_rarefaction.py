from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.coverage.measure.rarefaction import (
    Occupancy,
    estimated_cells,
    expected_cells,
    extrapolated_cells,
    more_inputs,
    new_cell_chance,
)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_smaller_sets_are_those_of_all_subsets(counts) -> None:
    inputs = np.repeat(np.arange(len(counts)), counts)[:11]
    counts = np.unique(inputs, return_counts=True)[1]
    sizes = list(range(len(inputs) + 1))
    found = expected_cells(Occupancy.of(counts), sizes)
    for size in sizes:
        subsets = [len(set(subset)) for subset in combinations(inputs.tolist(), size)]
        assert found[size] == pytest.approx(np.mean(subsets), abs=1e-12)


def test_small_chances_of_a_million_inputs_are_kept() -> None:
    """A cell of one input is in s of N with s/N, and the whole is reached by all."""
    occupancy = Occupancy.of([1, 999_999])
    assert expected_cells(occupancy, [1, 3, 10**6]) == pytest.approx(
        [1.0, 1 + 3e-6, 2.0], rel=1e-15
    )


def test_draws_agree() -> None:
    """4,000 draws: 4 standard errors."""
    random = np.random.default_rng(0)
    inputs = random.geometric(0.05, size=500)
    occupancy = Occupancy.of(np.unique(inputs, return_counts=True)[1])
    drawn = [len(set(random.permutation(inputs)[:80].tolist())) for _ in range(4000)]
    error = np.std(drawn) / 4000**0.5
    assert expected_cells(occupancy, [80])[0] == pytest.approx(np.mean(drawn), abs=4 * error)


def test_unseen_cells_by_hand() -> None:
    """f_1 = 4, f_2 = 2, N = 11: f_0 = 10/11 · 4 · 3/(2 · 3) = 20/11."""
    occupancy = Occupancy.of([1, 1, 1, 1, 2, 2, 3])
    found = estimated_cells(occupancy)
    assert found.value == pytest.approx(7 + 20 / 11)
    assert found.ci95 == Missing("only 4 cells hold a single input, and an interval needs 5")
    five = estimated_cells(Occupancy.of([1, 1, 1, 1, 1, 2, 2, 3]))
    assert five.value == pytest.approx(8 + 11 / 12 * 5 * 4 / (2 * 3))
    assert 8 < five.ci95[0] < five.value < five.ci95[1]
    assert new_cell_chance(occupancy) == 4 / 11
    assert estimated_cells(Occupancy.of([1, 1, 1, 1, 2, 2, 3], most=8)).value == 8
    complete = estimated_cells(Occupancy.of([3, 5]))
    assert complete.value == 2
    assert complete.ci95 == Missing("only 0 cells hold a single input, and an interval needs 5")
    full = estimated_cells(Occupancy.of([3, 5], most=2))
    assert full.ci95 == Missing("these are all cells there are")


def test_estimate_is_about_the_cells_of_equal_chance() -> None:
    """Equal chances: the bound is met. 300 samples of 150 inputs in 100 cells."""
    random = np.random.default_rng(0)
    values, held = [], 0
    for _ in range(300):
        counts = np.bincount(random.integers(0, 100, 150))
        found = estimated_cells(Occupancy.of(counts[counts > 0]))
        values.append(found.value)
        held += found.ci95[0] <= 100 <= found.ci95[1]
    assert np.mean(values) == pytest.approx(100, abs=4 * np.std(values) / 300**0.5 + 0.5)
    # 95 % of 300 are 285; 4 deviations of the binomial are 15.
    assert held >= 270


def test_more_inputs_approach_the_estimated_cells() -> None:
    """Half the inputs foretell what all reach: 60 samples, 4 standard errors and 2 %."""
    random = np.random.default_rng(1)
    foretold, reached = [], []
    for _ in range(60):
        inputs = random.integers(0, 300, 400)
        counts = np.unique(inputs[:200], return_counts=True)[1]
        foretold.append(extrapolated_cells(Occupancy.of(counts), 200).item())
        reached.append(len(set(inputs.tolist())))
    gap = np.array(foretold) - np.array(reached)
    assert abs(gap.mean()) < 4 * gap.std() / 60**0.5 + 0.02 * np.mean(reached)


@given(
    counts=st.lists(st.integers(1, 3), min_size=3, max_size=30),
    share=st.floats(0, 0.999),
)
def test_the_estimated_number_of_further_inputs_reaches_the_share(counts, share) -> None:
    occupancy = Occupancy.of(counts)
    total = estimated_cells(occupancy).value
    more = more_inputs(occupancy, share)
    assert more >= 0
    reached = extrapolated_cells(occupancy, more).item()
    expected = share * total if more else occupancy.reached
    assert reached == pytest.approx(expected, rel=1e-9)
    assert extrapolated_cells(occupancy, 0).item() == occupancy.reached
    assert extrapolated_cells(occupancy, 1e12).item() == pytest.approx(total, rel=1e-6)


def test_the_curve_goes_on_smoothly() -> None:
    """The next input finds a new cell with f_1/N; one fewer had found it with about as much."""
    counts = np.unique(np.random.default_rng(2).integers(0, 400, 600), return_counts=True)[1]
    occupancy = Occupancy.of(counts)
    step = extrapolated_cells(occupancy, 1).item() - occupancy.reached
    before = occupancy.reached - expected_cells(occupancy, [599])[0]
    chance = new_cell_chance(occupancy)
    assert before == pytest.approx(chance, rel=1e-12)
    assert step == pytest.approx(chance, rel=0.01)


def test_arguments_out_of_range_are_refused() -> None:
    occupancy = Occupancy.of([1, 2])
    with pytest.raises(ImprintError, match="0 … 3"):
        expected_cells(occupancy, [4])
    with pytest.raises(ImprintError, match="share must be in"):
        more_inputs(occupancy, 1)
    with pytest.raises(ImprintError, match="at least one input"):
        Occupancy.of([0, 1])
