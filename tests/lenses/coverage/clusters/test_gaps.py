"""Gaps: by hand, against a plain loop, and what is none."""

from __future__ import annotations

import numpy as np

from imprint.lenses.coverage.clusters.gaps import find_gaps


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)[:, None]


def test_a_gap_joins_neighbouring_sections_and_names_the_farthest_inputs_first() -> None:
    train = column(0, 1, 2, 3, 4, 7.5, 8.5, 10)
    (gap,) = find_gaps(train, column(0.5, 1.5, 2.5, 3.5, 4.5, 10), 10)
    assert (gap.low, gap.high) == (7.0, 9.0)
    # The median of the tests is 3.
    assert gap.rows.tolist() == [6, 5]


def test_sections_that_training_inputs_leave_out_are_no_gaps() -> None:
    assert find_gaps(column(0, 10), column(0, 10)) == []
    assert find_gaps(column(3, 3, 3), column(5)) == []


def test_tests_beyond_the_training_range_reach_none_of_its_sections() -> None:
    gaps = find_gaps(column(0, 10), column(-1, 11), 2)
    assert [(gap.low, gap.high, gap.rows.tolist()) for gap in gaps] == [(0.0, 10.0, [0, 1])]


def test_gaps_agree_with_a_loop_over_sections() -> None:
    generator = np.random.default_rng(0)
    train = generator.normal(size=(300, 4)).astype(np.float32)
    test = generator.normal(size=(12, 4)).astype(np.float32)
    found = {(gap.neuron, row) for gap in find_gaps(train, test) for row in gap.rows.tolist()}
    expected = set()
    for neuron in range(4):
        low, high = float(train[:, neuron].min()), float(train[:, neuron].max())

        def section(value: float, low: float = low, high: float = high) -> int:
            return min(9, int(np.floor((float(value) - low) / (high - low) * 10)))

        reached = {section(v) for v in test[:, neuron] if low <= v <= high}
        for row in range(300):
            if section(train[row, neuron]) not in reached:
                expected.add((neuron, row))
    assert found == expected
    sizes = [len(gap.rows) for gap in find_gaps(train, test)]
    assert sizes == sorted(sizes, reverse=True)
