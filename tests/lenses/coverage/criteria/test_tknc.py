import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criteria.tknc import TopNeuronsCoverage, TopNeuronsOptions
from imprint.lenses.coverage.criteria.tknp import PatternOptions
from imprint.neurons.activations import Layers
from tests.lenses.coverage.made_activations import batch

LAYERS = Layers(("four", "two"), (4, 2))


def test_the_top_of_each_layer_is_covered() -> None:
    criterion = TopNeuronsCoverage(LAYERS, TopNeuronsOptions(2))
    criterion.update(batch([[0.1, 0.4, 0.3, 0.2, 5.0, 6.0]], LAYERS))
    assert criterion.marked.tolist() == [False, True, True, False, True, True]
    assert criterion.value() == criterion.ceiling(1) == 4 / 6
    assert criterion.gain(batch([[1.0, 2.0, 0.0, 0.0, 0.0, 0.0]], LAYERS)).tolist() == [1 / 6]
    assert criterion.ceiling(2) == 1


def test_zero_neurons_are_refused() -> None:
    with pytest.raises(ImprintError, match="k must be at least 1"):
        TopNeuronsOptions(0)
    with pytest.raises(ImprintError, match="k must be at least 1"):
        PatternOptions(0)
