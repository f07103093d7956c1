from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criteria.ssc import SignSignCover
from imprint.neurons.activations import Batch, Layers
from tests.lenses.coverage.made_activations import batch

LAYERS = Layers(("three", "two"), (3, 2))


def covered_pairs(signs: np.ndarray, widths: tuple[int, ...]) -> set[tuple[int, int, int]]:
    """Return (layer, i, j) by comparing all pairs of inputs."""
    parts = np.split(signs, np.cumsum(widths)[:-1], axis=1)
    found = set()
    for layer, (own, following) in enumerate(pairwise(parts)):
        for one in range(len(signs)):
            for other in range(one):
                turned = np.flatnonzero(own[one] != own[other])
                if len(turned) == 1:
                    for j in np.flatnonzero(following[one] != following[other]):
                        found.add((layer, int(turned[0]), int(j)))
    return found


def test_one_sign_change_covers_the_pairs_it_flips() -> None:
    criterion = SignSignCover(LAYERS)
    criterion.update(batch([[1.0, 1.0, -1.0, 2.0, -2.0]], LAYERS))
    assert criterion.value() == 0
    # Neuron 0 turns alone, and with it both of the next layer; 0 is not positive.
    asked = batch(
        [
            [0.0, 1.0, -1.0, -2.0, 2.0],
            [-1.0, 1.0, -1.0, 2.0, 2.0],
            [-1.0, -1.0, -1.0, -2.0, 2.0],
            [1.0, 1.0, -1.0, -2.0, 2.0],
        ],
        LAYERS,
    )
    assert criterion.gain(asked).tolist() == [2 / 6, 1 / 6, 0, 0]
    criterion.update(asked.rows(slice(1)))
    assert criterion.value() == criterion.ceiling(2) == 2 / 6
    assert criterion.ceiling(1) == 0
    assert criterion.ceiling(4) == 1


@given(st.integers(0, 10**6), st.integers(1, 40), st.sampled_from([(2, 3, 2), (5, 1, 9), (4, 17)]))
@settings(max_examples=40, deadline=None)
def test_value_is_that_of_all_pairs_of_inputs(
    seed: int, inputs: int, widths: tuple[int, ...]
) -> None:
    layers = Layers(tuple("abc"[: len(widths)]), widths)
    values = np.random.default_rng(seed).normal(0.8, 1, (inputs, sum(widths)))
    criterion = SignSignCover(layers)
    criterion.update(Batch(layers, torch.from_numpy(values.astype(np.float32))))
    pairs = sum(one * other for one, other in pairwise(widths))
    expected = len(covered_pairs(values > 0, widths)) / pairs
    assert criterion.value() == expected <= criterion.ceiling(inputs)


def test_n_patterns_turn_fewer_than_n_single_neurons() -> None:
    # A chain: each pattern turns the next neuron. It reaches the ceiling of four inputs.
    criterion = SignSignCover(LAYERS)
    for turned in range(4):
        own = [1.0] * turned + [-1.0] * (3 - turned)
        criterion.update(batch([[*own, *([1.0 if turned % 2 else -1.0] * 2)]], LAYERS))
        assert criterion.value() == criterion.ceiling(turned + 1)
    assert criterion.value() == 1


def test_a_single_layer_is_refused() -> None:
    with pytest.raises(ImprintError, match="only one"):
        SignSignCover(Layers(("lone",), (4,)))
