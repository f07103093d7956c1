import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.measure.impartiality import (
    draw_mixed,
    measure_mixed_sets,
    pielou,
)
from imprint.neurons.activations import ActivationTable, Layers


def test_evenness_by_hand() -> None:
    assert pielou(np.zeros(5, dtype=np.int64), 10) == 0
    assert pielou(np.arange(10), 10) == pytest.approx(1)
    assert pielou(np.array([0, 0, 1, 1]), 10) == pytest.approx(np.log(2) / np.log(10))


@given(
    st.lists(st.integers(1, 12), min_size=2, max_size=5),
    st.floats(0.01, 20),
    st.integers(0, 2**32 - 1),
    st.data(),
)
def test_sets_have_their_size_and_no_input_twice(counts, alpha, seed, data) -> None:  # type: ignore[no-untyped-def]
    labels = np.repeat(np.arange(len(counts)), counts)
    size = data.draw(st.integers(1, len(labels)))
    rows = draw_mixed(labels, size, alpha, np.random.default_rng(seed))
    assert len(set(rows.tolist())) == size == len(rows)


def test_shares_are_those_of_the_dirichlet_distribution() -> None:
    """Of three classes at α = 2: mean 1/3, variance 2/63 and that of a draw of 60 on top."""
    labels = np.repeat(np.arange(3), 2000)
    rows = [draw_mixed(labels, 60, 2.0, np.random.default_rng(row)) for row in range(2000)]
    shares = np.array([np.bincount(labels[each], minlength=3) / 60 for each in rows])
    np.testing.assert_allclose(shares.mean(0), 1 / 3, atol=0.02)
    variance = 2 / 63
    np.testing.assert_allclose(shares.var(0), variance + (2 / 9 - variance) / 60, rtol=0.1)


def inputs_of_classes() -> ActivationTable:
    """One neuron a class stands out for inputs of the class."""
    labels = np.repeat(np.arange(4), 50)
    values = np.random.default_rng(0).random((200, 4)).astype(np.float32) * 0.1
    values[np.arange(200), labels] = 1
    return ActivationTable(Layers(("only",), (4,)), values, labels, predictions=labels)


def test_a_criterion_of_classes_follows_their_evenness() -> None:
    tests = inputs_of_classes()
    criteria = {"nc": CRITERIA.get("nc")(tests.layers)}
    mixed = measure_mixed_sets(criteria, tests, 4, (20, 40), 18, 0)
    assert mixed.sizes.tolist() == [20] * 18 + [40] * 18
    assert np.corrcoef(mixed.coverage["nc"], mixed.impartiality)[0, 1] > 0.6
    assert criteria["nc"].inputs == 0


def test_sets_that_cannot_be_are_refused() -> None:
    tests = inputs_of_classes()
    with pytest.raises(ImprintError, match="more than the 200 tests"):
        measure_mixed_sets({}, tests, 4, (201,), 10, 0)
    with pytest.raises(ImprintError, match="need the classes"):
        measure_mixed_sets({}, ActivationTable(tests.layers, tests.values), 4, (10,), 10, 0)
