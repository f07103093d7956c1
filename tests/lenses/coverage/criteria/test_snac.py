import numpy as np

from imprint.lenses.coverage.criteria.snac import StrongActivationCoverage
from imprint.neurons.activations import Layers
from tests.lenses.coverage.made_activations import batch, table

LAYERS = Layers(("only",), (2,))


def test_only_activations_above_the_training_range_count() -> None:
    criterion = StrongActivationCoverage(LAYERS)
    criterion.fit(table(np.array([[0.0, 0.0], [1.0, 2.0]]), LAYERS))
    criterion.update(batch([[-5.0, 2.0], [1.0, -1.0]], LAYERS))
    assert criterion.value() == 0
    assert criterion.gain(batch([[1.5, 9.0], [0.5, 3.0]], LAYERS)).tolist() == [1.0, 0.5]
    criterion.update(batch([[0.5, 3.0]], LAYERS))
    assert (criterion.value(), criterion.ceiling(0), criterion.ceiling(1)) == (0.5, 0.0, 1.0)


def test_a_training_input_that_holds_both_maxima_sets_two_marks_in_a_burst() -> None:
    criterion = StrongActivationCoverage(LAYERS)
    criterion.fit(table(np.array([[0.0, 0.0], [1.0, 2.0], [0.5, 1.0]]), LAYERS))
    assert criterion.burst == 2
