import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.importance.neuron_sets import (
    HiddenNeurons,
    keep_without,
    leading_sets,
    matched_neurons,
    random_neurons,
)
from imprint.neurons.activations import Layers

LAYERS = Layers(("first", "second", "last"), (3, 4, 2))
HIDDEN = HiddenNeurons.of(LAYERS)
SCORES = np.array([0.1, 5.0, np.nan, 4.0, 0.2, 3.0, 0.0, 9.0, 8.0])


def test_leading_neurons_are_hidden_and_have_scores() -> None:
    assert leading_sets(SCORES, HIDDEN, (1, 3)).tolist() == [1, 3, 5]
    with pytest.raises(ImprintError, match="more than the 6 hidden neurons"):
        leading_sets(SCORES, HIDDEN, (7,))


def test_matched_neurons_are_of_the_same_layers_and_differ() -> None:
    leading = leading_sets(SCORES, HIDDEN, (5,))
    seen = set()
    for seed in range(40):
        matched = matched_neurons(leading, HIDDEN, np.random.default_rng(seed))
        assert len(set(matched.tolist())) == 5
        np.testing.assert_array_equal(HIDDEN.layer_of[matched], HIDDEN.layer_of[leading])
        seen |= set(matched.tolist())
    assert seen == set(range(7))


def test_random_neurons_are_hidden() -> None:
    drawn = random_neurons(HIDDEN, 7, np.random.default_rng(0))
    assert sorted(drawn.tolist()) == list(range(7))


def test_sets_are_nested() -> None:
    keep = keep_without(np.array([2, 0, 5]), (1, 3), 9)
    assert [np.flatnonzero(~row).tolist() for row in keep] == [[2], [0, 2, 5]]


def test_chosen_layers_alone() -> None:
    assert HIDDEN.among([1, 2]).rows.tolist() == [3, 4, 5, 6]
    with pytest.raises(ImprintError, match="hidden"):
        HIDDEN.among([2])
    with pytest.raises(ImprintError, match="no hidden layer"):
        HiddenNeurons.of(Layers(("only",), (4,)))
