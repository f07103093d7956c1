import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criteria.snac import StrongActivationCoverage
from imprint.lenses.coverage.criterion.extremes import BoundaryOptions
from imprint.neurons.activations import ActivationTable, Layers
from tests.lenses.coverage.made_activations import batch, table

PAIR = Layers(("pair",), (2,))


def to_ten() -> ActivationTable:
    """Two neurons in [0, 10] and in [−10, 0]."""
    return table(np.array([[0.0, -10.0], [10.0, 0.0], [5.0, -5.0]]), PAIR)


def test_sigma_moves_the_boundaries_by_deviations() -> None:
    # Deviation of 0, 10, 5: √(50/3) ≈ 4.08.
    criterion = StrongActivationCoverage(PAIR, BoundaryOptions(sigma=1.0))
    criterion.fit(to_ten())
    criterion.update(batch([[14.0, 4.0]]))
    assert criterion.value() == 0
    criterion.update(batch([[14.1, 4.0]]))
    assert criterion.value() == 0.5
    with pytest.raises(ImprintError, match="sigma"):
        BoundaryOptions(-1.0)
