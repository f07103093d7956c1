import numpy as np
import pytest
import torch

from imprint.lenses.coverage.criteria.nc import NeuronCoverage, NeuronCoverageOptions
from imprint.lenses.coverage.measure.jackknife import interval, whole_and_rests
from imprint.lenses.coverage.measure.measure import measure
from imprint.neurons.activations import ActivationTable, Batch, Layers

LAYERS = Layers(("a", "b"), (12, 5))


def activations(inputs: int, seed: int = 0) -> ActivationTable:
    values = np.random.default_rng(seed).normal(size=(inputs, 17)).astype(np.float32)
    return ActivationTable(LAYERS, values)


def neuron_coverage(threshold: float = 0.9) -> NeuronCoverage:
    return NeuronCoverage(LAYERS, NeuronCoverageOptions(threshold))


class Grouped(NeuronCoverage):
    interval = "groups"


class Mean(Grouped):
    """The mean activation, whose jackknife is known in closed form."""

    def reset(self) -> None:
        self.total = 0.0

    def add(self, batch: Batch) -> None:
        self.total = self.total + float(batch.values.double().sum())

    def join(self, other: "Mean") -> None:
        self.total = self.total + other.total

    def value(self) -> float:
        return self.total / max(1, self.inputs)

    def ceiling(self, inputs: int) -> None:
        return None


def test_the_jackknife_of_a_mean_is_its_standard_error() -> None:
    values = np.abs(np.random.default_rng(0).normal(10, 1, 20)).astype(np.float32)
    table = ActivationTable(Layers(("a",), (1,)), values[:, None])
    found = measure({"mean": Mean(table.layers)}, table.batches(1))["mean"]
    error = values.astype(np.float64).std(ddof=1) / 20**0.5
    assert found.value == pytest.approx(values.mean())
    assert found.ci95 == pytest.approx(
        (found.value - 2.0930240544 * error, found.value + 2.0930240544 * error)
    )
    assert (found.ceiling, found.normalised, found.n) == (None, None, 20)


def test_each_jackknife_value_leaves_out_one_group() -> None:
    table = activations(12)
    groups = []
    for batch in table.batches(3):
        part = neuron_coverage()
        part.update(batch)
        groups.append(part)
    whole, rests = whole_and_rests(groups)
    values = torch.from_numpy(table.values)
    for place, rest in enumerate(rests):
        other = neuron_coverage()
        kept = torch.ones(12, dtype=torch.bool)
        kept[3 * place : 3 * place + 3] = False
        other.update(Batch(LAYERS, values[kept]))
        assert rest == other.value()
    assert whole.inputs == 12
    assert [group.inputs for group in groups] == [3] * 4


def test_intervals_stay_between_nothing_and_the_ceiling() -> None:
    assert interval(0.9, [0.1, 0.9, 0.9], 0.95) == (0.0, 0.95)
    assert interval(0.5, [0.5, 0.5]) == (0.5, 0.5)


def test_the_variance_is_not_too_small() -> None:
    """The jackknife's variance is on average at least the true one (Efron & Stein).

    100 test sets of 100 inputs: the true variance is known to 14 %, the mean estimate to 8 %, and
    the estimate lies 27 % above (300 other sets); 3 deviations below that would fail.
    """
    values, variances = [], []
    for seed in range(100):
        table = activations(100, seed + 1)
        table.values[:] += np.linspace(0, 4, 17, dtype=np.float32)
        groups = []
        for batch in table.batches(5):
            part = neuron_coverage(0.9)
            part.update(batch)
            groups.append(part)
        whole, rests = whole_and_rests(groups)
        values.append(whole.value())
        variances.append((len(rests) - 1) * np.var(rests))
    assert np.var(values) > 0.002
    assert 0.85 < np.mean(variances) / np.var(values) < 1.8
