import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criteria.nc import NeuronCoverage, NeuronCoverageOptions
from imprint.neurons.activations import Layers
from tests.lenses.coverage.made_activations import batch

LAYERS = Layers(("wide", "lone", "pair"), (3, 1, 2))


def coverage(threshold: float = 0.75) -> NeuronCoverage:
    return NeuronCoverage(LAYERS, NeuronCoverageOptions(threshold))


def test_neurons_are_scaled_within_their_layer() -> None:
    # Scaled: 0, ½, 1 | none, as the layer is constant | 1, 0.
    criterion = coverage()
    criterion.update(batch([[-1.0, 0.0, 1.0, 7.0, 5.0, 4.0]], LAYERS))
    assert criterion.marked.tolist() == [False, False, True, False, True, False]
    assert criterion.value() == 2 / 6
    low = coverage(0.25)
    low.update(batch([[-1.0, 0.0, 1.0, 7.0, 5.0, 4.0]], LAYERS))
    assert low.value() == 3 / 6


def test_the_threshold_must_be_exceeded() -> None:
    criterion = coverage(0.5)
    criterion.update(batch([[-1.0, 0.0, 1.0, 7.0, 5.0, 4.0]], LAYERS))
    assert criterion.value() == 2 / 6


def test_equal_activations_cover_nothing() -> None:
    criterion = coverage(0.0)
    criterion.update(batch([[2.0, 2.0, 2.0, 7.0, -1.0, -1.0]], LAYERS))
    assert criterion.value() == 0


def test_ceiling_leaves_out_the_lone_neuron_and_one_a_layer_for_one_input() -> None:
    criterion = coverage(0.0)
    criterion.update(batch([[0.0, 1.0, 2.0, 7.0, 0.0, 1.0]], LAYERS))
    assert criterion.value() == criterion.ceiling(1) == 3 / 6
    criterion.update(batch([[1.0, 0.0, 2.0, 7.0, 1.0, 0.0]], LAYERS))
    assert criterion.value() == criterion.ceiling(2) == criterion.ceiling(9) == 5 / 6


@pytest.mark.parametrize("threshold", [-0.1, 1.0, float("nan")])
def test_thresholds_outside_the_scale_are_refused(threshold: float) -> None:
    with pytest.raises(ImprintError, match="threshold must be"):
        NeuronCoverageOptions(threshold)


def test_unscaled_activations_are_compared_as_they_are() -> None:
    criterion = NeuronCoverage(LAYERS, NeuronCoverageOptions(4.0, scale="none"))
    criterion.update(batch([[-1.0, 0.0, 1.0, 7.0, 5.0, 4.0]], LAYERS))
    assert criterion.marked.tolist() == [False, False, False, True, True, False]
    assert (criterion.ceiling(0), criterion.ceiling(1)) == (0, 1)
    below = NeuronCoverage(LAYERS, NeuronCoverageOptions(-0.5, scale="none"))
    below.update(batch([[-1.0, 0.0, 1.0, 7.0, 5.0, 4.0]], LAYERS))
    assert below.value() == 5 / 6
