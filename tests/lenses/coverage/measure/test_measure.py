import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.coverage.criteria.nc import NeuronCoverage, NeuronCoverageOptions
from imprint.lenses.coverage.criteria.tknp import TopNeuronPatterns
from imprint.lenses.coverage.measure.measure import measure, split_into_groups
from imprint.neurons.activations import ActivationTable, Batch, Layers

LAYERS = Layers(("a", "b"), (12, 5))


def activations(inputs: int, seed: int = 0) -> ActivationTable:
    values = np.random.default_rng(seed).normal(size=(inputs, 17)).astype(np.float32)
    return ActivationTable(LAYERS, values)


def neuron_coverage(threshold: float = 0.9) -> NeuronCoverage:
    return NeuronCoverage(LAYERS, NeuronCoverageOptions(threshold))


class InOrder(NeuronCoverage):
    order_free = False


class Grouped(NeuronCoverage):
    interval = "groups"


@given(inputs=st.integers(1, 60), size=st.integers(1, 60), groups=st.integers(2, 7))
@settings(max_examples=30, deadline=None)
def test_the_value_is_that_of_one_pass_whatever_the_groups(
    inputs: int, size: int, groups: int
) -> None:
    table = activations(inputs)
    whole = neuron_coverage()
    whole.update(next(table.batches(inputs)))
    found = measure({"nc": neuron_coverage()}, table.batches(size), groups)["nc"]
    assert (found.value, found.n, found.criterion.inputs) == (whole.value(), inputs, inputs)


def test_few_batches_have_no_interval() -> None:
    grouped = Grouped(LAYERS, NeuronCoverageOptions(0.9))
    found = measure({"nc": grouped}, activations(30).batches(10))["nc"]
    assert found.ci95 == Missing("the inputs came in 3 batches: an interval needs at least 5")


def test_criteria_that_depend_on_the_order_see_one_pass() -> None:
    criteria = {"nc": neuron_coverage(), "ordered": InOrder(LAYERS)}
    found = measure(criteria, activations(40).batches(2))
    assert found["ordered"].criterion.inputs == 40
    assert found["ordered"].ci95 == Missing("its value depends on the order of the inputs")
    assert "no sign of it" in str(found["nc"].ci95)
    assert criteria["nc"].inputs == 0


def test_fewer_than_twenty_inputs_have_no_interval() -> None:
    criterion = TopNeuronPatterns(LAYERS)
    few = measure({"tknp": criterion}, activations(19).batches(1))["tknp"]
    assert few.ci95 == Missing("an interval needs at least 20 inputs, and there are 19")
    assert isinstance(measure({"tknp": criterion}, activations(20).batches(1))["tknp"].ci95, tuple)


def test_no_inputs_are_refused() -> None:
    with pytest.raises(ImprintError, match="no test inputs"):
        measure({"nc": neuron_coverage()}, [])


@given(st.integers(1, 10**6))
def test_batches_fill_every_group_alike(inputs: int) -> None:
    parts = split_into_groups(np.arange(inputs))
    assert max(map(len, parts)) <= 4096
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(inputs))
    sizes = np.zeros(20, dtype=np.int64)
    for place, part in enumerate(parts):
        sizes[place % 20] += len(part)
    assert np.ptp(sizes) <= 1


def test_a_count_that_grows_with_every_input_has_a_narrow_interval() -> None:
    """1,001 different patterns: groups of unequal size would make it 963 … 1,001."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=(1001, 200)).astype(np.float32)
    layers = Layers(("a",), (200,))
    batches = [
        Batch(layers, torch.from_numpy(values[rows])) for rows in split_into_groups(np.arange(1001))
    ]
    found = measure({"tknp": TopNeuronPatterns(layers)}, batches)["tknp"]
    assert found.value == 1001
    assert isinstance(found.ci95, tuple)
    assert found.ci95 == pytest.approx((1001 - 1.96, 1001), abs=0.1)
