import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.study.kernel_matrix import (
    check_eigenvalues,
    eigenvalue_tolerance,
    kernel_inputs,
)


def covariance(count: int, least: float) -> np.ndarray:
    """A symmetric matrix with eigenvalues from ``least`` to 1."""
    random = np.random.default_rng(0)
    basis = np.linalg.qr(random.normal(size=(count, count)))[0]
    return (basis * np.linspace(least, 1, count)) @ basis.T


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_matrix_is_a_kernel_up_to_the_rounding_of_its_type(dtype):
    matrix = covariance(80, 0.0).astype(dtype)
    matrix = (matrix + matrix.T) / 2
    kernel_inputs(matrix, np.arange(80), "arrays")


@pytest.mark.parametrize("least", [-1e-3, -0.5])
def test_a_negative_eigenvalue_is_found_and_named(least):
    matrix = torch.from_numpy(covariance(80, least))
    matrix = (matrix + matrix.T) / 2 + 0.5 * abs(least) * torch.eye(80).double()
    tolerance = eigenvalue_tolerance(matrix, 8)
    with pytest.raises(ImprintError, match="has an eigenvalue of -") as raised:
        check_eigenvalues(matrix, tolerance, "arrays")
    named = float(str(raised.value).split("eigenvalue of ")[1].split()[0])
    assert least / 2 - 1e-9 <= named < 0


def test_an_asymmetry_of_rounding_is_averaged_and_more_is_refused(capsys):
    matrix = covariance(10, 0.1)
    matrix = (matrix + matrix.T) / 2
    matrix[0, 1] += 1e-13
    inputs = kernel_inputs(matrix, np.arange(10), "arrays")[:, 2:]
    assert (inputs == inputs.T).all()
    assert "the mean of both halves is used" in capsys.readouterr().err
    matrix[0, 1] += 1e-3
    with pytest.raises(ImprintError, match=r"kernel\[0, 1\] is .* a kernel is symmetric"):
        kernel_inputs(matrix, np.arange(10), "arrays")
