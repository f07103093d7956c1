"""The interval of a number of distinct marks: hand-checked counts, exact identities, coverage."""

from itertools import product

import numpy as np
import pytest
import torch
from scipy.stats import chi2, poisson

from imprint.lenses.coverage.measure.count_interval import count_interval
from imprint.lenses.coverage.measure.tally import NO_MARK, ORDERS, RareMarks, Tally


def tallied(rows: list[list[int]], size: int | None) -> RareMarks:
    width = max(map(len, rows))
    tally = Tally(size)
    for row in rows:  # one input a batch: the keys go on counting
        tally.add(torch.tensor([row + [NO_MARK] * (width - len(row))]))
    return tally.rare()


def test_rare_inputs_of_one_mark_have_poissons_exact_limits() -> None:
    """k inputs of a mark each among many that set none: Garwood's upper limit of k."""
    for count in (0, 1, 5, 20):
        single = np.zeros(ORDERS)
        single[0] = count
        rare = RareMarks(10**9, single, single, min(count, 1))
        _, high = count_interval(count, rare)
        assert high == pytest.approx(chi2.ppf(0.975, 2 * count + 2) / 2, rel=1e-6)


def test_the_variance_is_exact_with_all_orders_and_never_too_small_with_the_weights() -> None:
    """Σ over all subsets S of inputs of ±(marks set by exactly S)² is Var D under Poisson.

    Three kinds of input with mean numbers 0.7, 1.1, 0.4 set marks {0, 1}, {1, 2}, {2}: expected
    values by the sum over all numbers of each kind up to 12.
    """
    kinds, rates = ([0, 1], [1, 2], [2]), (0.7, 1.1, 0.4)
    mean = square = exact = weighted = 0.0
    for counts in product(range(9), repeat=3):
        chance = float(np.prod(poisson.pmf(counts, rates)))
        inputs = [kind for kind, count in zip(kinds, counts, strict=True) for _ in range(count)]
        distinct = len({mark for row in inputs for mark in row})
        setters: dict[tuple[int, ...], int] = {}
        for mark in range(3):
            rows = tuple(place for place, row in enumerate(inputs) if mark in row)
            if rows:
                setters[rows] = setters.get(rows, 0) + 1
        mean += chance * distinct
        square += chance * distinct**2
        exact += chance * sum((-1) ** (len(s) - 1) * m**2 for s, m in setters.items())
        weighted += chance * sum((-0.5) ** (len(s) - 1) * m**2 for s, m in setters.items())
    variance = square - mean**2
    assert exact == pytest.approx(variance, abs=2e-3)
    assert variance < weighted < 2 * variance


def blocks(
    random: np.random.Generator, inputs: int, rates: np.ndarray, widths: np.ndarray
) -> RareMarks:
    """Each input sets block j of marks with probability ``rates[j]``; inputs share none of them."""
    hits = random.random((inputs, len(rates))) < rates
    ends = np.cumsum([0, *widths])
    size = int(ends[-1])
    marks = np.full((inputs, size), NO_MARK)
    for place in range(len(rates)):
        columns = np.arange(ends[place], ends[place + 1])
        marks[:, columns] = np.where(hits[:, [place]], columns, NO_MARK)
    tally = Tally(size)
    tally.add(torch.from_numpy(marks))
    return tally.rare(), int(widths[hits.any(0)].sum())


@pytest.mark.parametrize(
    ("rates", "widths"),
    [
        (np.geomspace(0.3, 0.002, 60), np.ones(60, dtype=int)),
        (np.full(40, 0.004), np.ones(40, dtype=int)),
        (np.full(15, 0.001), np.ones(15, dtype=int)),
        (np.geomspace(0.3, 0.002, 60), np.tile([1, 1, 3], 20)),
        (np.full(30, 0.05), np.ones(30, dtype=int)),
    ],
)
def test_the_interval_covers_the_expected_number(rates, widths) -> None:
    """95 %: of 400 sets of 100 inputs at least 93 % (3.2 s.e. below 96.5 %, its least here)."""
    random, inputs = np.random.default_rng(0), 100
    expected = float((widths * (1 - (1 - rates) ** inputs)).sum())
    held, widths_seen = 0, []
    for _ in range(400):
        rare, distinct = blocks(random, inputs, rates, widths)
        low, high = count_interval(distinct, rare)
        held += low <= expected <= high
        widths_seen.append(high - low)
    assert min(widths_seen) > 0
    assert held / 400 >= 0.93


@pytest.mark.parametrize(
    ("inputs", "kinds", "width", "rate"), [(1000, 1, 30, 200), (300, 10, 5, 200)]
)
def test_the_interval_covers_where_rare_inputs_set_many_marks_together(
    inputs: int, kinds: int, width: int, rate: int
) -> None:
    """1 input in 200 of a kind sets the same marks; beside them, 100 marks of all frequencies.

    Without the limits of groups 80 and 91 % were covered.
    """
    random = np.random.default_rng(0)
    rates = np.concatenate([np.geomspace(0.3, 0.0005, 100), np.full(kinds, 1 / rate)])
    widths = np.concatenate([np.ones(100, dtype=int), np.full(kinds, width)])
    expected = float((widths * (1 - (1 - rates) ** inputs)).sum())
    held = 0
    for _ in range(300):
        rare, distinct = blocks(random, inputs, rates, widths)
        low, high = count_interval(distinct, rare)
        held += low <= expected <= high
    assert held / 300 >= 0.92


def test_two_inputs_that_set_the_same_marks_may_both_have_been_missing() -> None:
    """Garwood's lower limit of a count of 2 is 0.2422: of 30 marks 30 (1 − e^−0.2422) remain."""
    rare = tallied([list(range(30))] * 2 + [[]] * 398, 30)
    low, _ = count_interval(30, rare)
    assert low == pytest.approx(30 * (1 - np.exp(-0.24221)), abs=0.02)


def test_inputs_that_each_set_equally_many_marks_narrow_the_interval() -> None:
    """40 inputs with 30 marks each: any 40 such inputs set 1,200."""
    rare = tallied([list(range(30 * row, 30 * row + 30)) for row in range(40)], 1200)
    low, high = count_interval(1200, rare)
    assert 1197 < low < 1200 <= high < 1201
