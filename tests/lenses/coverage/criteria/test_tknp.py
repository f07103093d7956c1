import math

import numpy as np
import pytest
import torch

from imprint.lenses.coverage.criteria.tknp import PatternOptions, TopNeuronPatterns
from imprint.neurons.activations import Batch, Layers
from tests.lenses.coverage.made_activations import batch

LAYERS = Layers(("four", "two"), (4, 2))


def test_patterns_of_different_orders_are_distinct() -> None:
    criterion = TopNeuronPatterns(LAYERS, PatternOptions(2))
    rows = [[4.0, 3.0, 2.0, 1.0, 1.0, 0.0], [3.0, 4.0, 2.0, 1.0, 1.0, 0.0]]
    criterion.update(batch([*rows, rows[0], [4.0, 3.0, 1.0, 2.0, 9.0, 0.0]], LAYERS))
    assert criterion.value() == 2


@pytest.mark.parametrize("size", [1, 7, 256])
def test_patterns_are_the_distinct_rows(size: int) -> None:
    layers = Layers(("a", "b", "c"), (4, 3, 5))
    values = torch.from_numpy(np.random.default_rng(0).normal(size=(256, 12)).astype(np.float32))
    criterion = TopNeuronPatterns(layers, PatternOptions(3))
    for start in range(0, 256, size):
        criterion.update(Batch(layers, values[start : start + size]))
    tops = [part.argsort(1, descending=True)[:, :3] for part in torch.split(values, [4, 3, 5], 1)]
    distinct = {tuple(row) for row in torch.cat(tops, dim=1).tolist()}
    assert criterion.value() == len(distinct) < 256


def test_the_ceiling_is_the_number_of_orders() -> None:
    criterion = TopNeuronPatterns(LAYERS, PatternOptions(2))
    assert (criterion.ceiling(23), criterion.ceiling(1000)) == (23, 24)
    wide = TopNeuronPatterns(Layers(("wide",), (4000,)), PatternOptions(50))
    assert wide.ceiling(10**6) == 10**6


def test_patterns_of_a_thousand_neurons_do_not_collide() -> None:
    # All orders of six neurons in a layer of 3,000, whose other activations are far below.
    layers = Layers(("wide",), (3000,))
    values = np.full((720, 3000), -1.0, dtype=np.float32)
    random = np.random.default_rng(1)
    orders = {tuple(random.permutation(6)) for _ in range(20_000)}
    assert len(orders) == math.factorial(6)
    for row, order in enumerate(orders):
        values[row, 2990 + np.array(order)] = np.arange(6)
    criterion = TopNeuronPatterns(layers, PatternOptions(50))
    criterion.update(Batch(layers, torch.from_numpy(values)))
    assert criterion.value() == 720
