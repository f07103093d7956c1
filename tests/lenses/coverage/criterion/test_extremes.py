import numpy as np

from imprint.lenses.coverage.criteria.nbc import BoundaryCoverage
from imprint.lenses.coverage.criteria.snac import StrongActivationCoverage
from imprint.neurons.activations import ActivationTable, Layers
from tests.lenses.coverage.made_activations import batch, table

PAIR = Layers(("pair",), (2,))


def to_ten() -> ActivationTable:
    """Two neurons in [0, 10] and in [−10, 0]."""
    return table(np.array([[0.0, -10.0], [10.0, 0.0], [5.0, -5.0]]), PAIR)


def test_boundaries_must_be_crossed() -> None:
    strong, both = StrongActivationCoverage(PAIR), BoundaryCoverage(PAIR)
    for criterion in (strong, both):
        criterion.fit(to_ten())
        criterion.update(batch([[10.0, -10.0], [0.0, 0.0]]))
        assert criterion.value() == 0
        criterion.update(batch([[10.5, -10.5]]))
    assert (strong.value(), both.value()) == (1 / 2, 2 / 4)
    for criterion in (strong, both):
        criterion.update(batch([[-0.5, 0.5]]))
    assert (strong.value(), both.value()) == (1, 1)
    assert both.ceiling(1) == 0.5
    assert both.ceiling(2) == strong.ceiling(1) == 1
