import numpy as np
import pytest

from imprint.lenses.coverage.selection.uncertainty import UNCERTAINTIES


@pytest.mark.parametrize(
    ("name", "sure", "unsure"),
    [
        ("max_probability", 0.1, 0.5),
        ("margin", 0.2, 1.0),
        ("deepgini", 1 - 0.81 - 0.01, 0.5),
        ("entropy", -0.9 * np.log(0.9) - 0.1 * np.log(0.1), np.log(2)),
    ],
)
def test_values_by_hand(name, sure, unsure):
    probabilities = np.array([[0.9, 0.1, 0.0], [0.5, 0.5, 0.0]])
    np.testing.assert_allclose(UNCERTAINTIES[name](probabilities), [sure, unsure])
