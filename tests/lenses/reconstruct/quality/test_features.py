from __future__ import annotations

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.quality.features import feature_sets


def test_features_become_float64_of_any_order() -> None:
    real, generated = feature_sets([[1, 2], [3, 4]], np.ones((3, 2), np.float32), (2, 3))
    assert real.dtype == generated.dtype == np.float64
    assert real.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("real", "generated", "message"),
    [
        (np.zeros(4), np.zeros((4, 2)), r"real images must be \[images, features\]"),
        (np.zeros((4, 0)), np.zeros((4, 2)), "real images must be"),
        (np.zeros((4, 2)), np.zeros((4, 3)), "2 features and generated ones 3"),
        (np.zeros((1, 2)), np.zeros((4, 2)), "1 real images are too few: give at least 2"),
        (np.zeros((4, 2)), np.zeros((2, 2)), "2 generated images are too few: give at least 3"),
        (np.zeros((4, 2)), [[0, 0], [0, np.nan], [0, 0]], "generated image 1 has a feature"),
        (np.full((4, 2), 1e19), np.zeros((4, 2)), "real image 0 has a feature"),
        ([["a", "b"]], np.zeros((4, 2)), "must hold numbers"),
    ],
)
def test_features_that_do_not_fit_are_refused(
    real: object, generated: object, message: str
) -> None:
    with pytest.raises(ImprintError, match=message):
        feature_sets(real, generated, (2, 3))  # type: ignore[arg-type]
