import numpy as np
import pytest
from scipy.linalg import LinAlgError

from imprint.lenses.coverage.criterion.factor import covariance_factor


def test_the_factor_times_its_transpose_is_the_covariance() -> None:
    covariance = np.array([[4.0, 2.0], [2.0, 3.0]])
    factor = covariance_factor(covariance)
    assert factor[0, 1] == 0
    np.testing.assert_allclose(factor @ factor.T, covariance, rtol=1e-15)


def test_a_covariance_that_rounding_alone_keeps_positive_is_refused() -> None:
    direction = np.array([1.0, 1.0, 1.0]) / 3**0.5
    singular = np.eye(3) - np.outer(direction, direction)
    with pytest.raises(LinAlgError, match="singular to working precision"):
        covariance_factor(singular + 1e-17 * np.eye(3))
