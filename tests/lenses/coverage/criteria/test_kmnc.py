"""Criteria of the training range: k-multisection, strong activation, boundaries; and moments."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from imprint.lenses.coverage.criteria.kmnc import MultisectionCoverage, MultisectionOptions
from imprint.neurons.activations import ActivationTable, Layers
from tests.lenses.coverage.made_activations import batch, table

PAIR = Layers(("pair",), (2,))


def to_ten() -> ActivationTable:
    """Two neurons in [0, 10] and in [−10, 0]."""
    return table(np.array([[0.0, -10.0], [10.0, 0.0], [5.0, -5.0]]), PAIR)


def multisection(k: int, compat: bool = False) -> MultisectionCoverage:
    criterion = MultisectionCoverage(PAIR, MultisectionOptions(k, compat))
    criterion.fit(to_ten())
    return criterion


@pytest.mark.parametrize(
    ("activation", "section"), [(0.0, 1), (0.1, 1), (2.5, 1), (2.6, 2), (7.5, 3), (10.0, 4)]
)
def test_sections_are_closed_above_and_the_lower_end_is_in_the_first(
    activation: float, section: int
) -> None:
    criterion = multisection(4)
    criterion.update(batch([[activation, 1.0]]))
    assert criterion.counted().nonzero().tolist() == [[0, section - 1]]
    assert criterion.value() == 1 / 8


@pytest.mark.parametrize("activation", [-0.001, 10.001, -1e30, 1e30])
def test_activations_outside_the_range_cover_no_section(activation: float) -> None:
    criterion = multisection(4)
    criterion.update(batch([[activation, -20.0]]))
    assert criterion.value() == 0
    assert criterion.gain(batch([[activation, 20.0]])).tolist() == [0]


def test_published_code_leaves_the_lower_end_out() -> None:
    criterion = multisection(4, compat=True)
    criterion.update(batch([[0.0, -10.0]]))
    assert criterion.value() == 0
    criterion.update(batch([[10.0, 0.0]]))
    assert criterion.value() == 2 / 8


def test_few_inputs_reach_few_sections() -> None:
    criterion = multisection(100)
    criterion.update(batch([[10 * x, -10 * x] for x in np.random.default_rng(0).random(25)]))
    assert 0.2 < criterion.value() <= criterion.ceiling(25) == 0.25
    assert criterion.ceiling(1000) == 1


def test_neurons_that_never_vary_are_in_the_denominator_alone() -> None:
    constant = table(np.array([[0.0, 3.0], [10.0, 3.0]]), PAIR)
    criterion = MultisectionCoverage(PAIR, MultisectionOptions(2))
    criterion.fit(constant)
    criterion.update(batch([[1.0, 3.0], [9.0, 3.0]]))
    assert criterion.value() == criterion.ceiling(2) == 0.5


@given(
    st.lists(st.floats(-3, 3, width=32), min_size=2, max_size=12),
    st.lists(st.floats(-4, 4, width=32), min_size=1, max_size=12),
    st.integers(1, 7),
    st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_sections_are_those_of_the_definition(
    train: list[float], asked: list[float], k: int, compat: bool
) -> None:
    assume(max(train) > min(train))
    layers = Layers(("one",), (1,))
    criterion = MultisectionCoverage(layers, MultisectionOptions(k, compat))
    criterion.fit(table(np.array(train)[:, None], layers))
    criterion.update(batch([[a] for a in asked], layers))
    low, high = np.float32(min(train)), np.float32(max(train))
    sections = set()
    for a in np.array(asked, dtype=np.float32):
        if low <= a <= high and low < high:
            place = math.ceil(np.float32((a - low) / (high - low) * np.float32(k)))
            sections |= {place or 1} if a > low or not compat else set()
    sections -= {0}
    assert criterion.value() == len(sections) / k


def test_an_excess_below_the_rounding_of_the_width_is_outside() -> None:
    layers = Layers(("a",), (1,))
    criterion = MultisectionCoverage(layers, MultisectionOptions(4))
    criterion.fit(table(np.array([[-1000.0], [1e-5]]), layers))
    criterion.update(batch([[2e-5]], layers))
    assert criterion.value() == 0
    criterion.update(batch([[1e-5]], layers))
    assert criterion.value() == 1 / 4
    assert criterion.gain(batch([[2e-5]], layers).rows(slice(0))).tolist() == []
