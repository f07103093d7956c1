import mpmath
import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.posterior import classes_of, fit
from tests.lenses.leave_one_out.refits import problem


def test_predictions_without_each_record():
    given = problem(0)
    posterior = given.fit()
    expected = np.vstack([given.law(given.everyone_but(s), [s])[0] for s in range(9)])
    found = posterior.leave_one_out_predictions.numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(
        posterior.leave_one_out_residuals.numpy(), given.targets.numpy() - expected, rtol=1e-9
    )
    right = np.argmax(expected, 1) == np.argmax(given.targets.numpy(), 1)
    assert 0 < right.mean() < 1
    assert posterior.leave_one_out_accuracy == pytest.approx(right.mean())


def test_identity_of_kernel_and_inverse():
    """K R = I − σ²R."""
    given = problem(1)
    inverse = given.fit().inverse
    expected = torch.eye(9, dtype=torch.float64) - given.noise * inverse
    torch.testing.assert_close(given.kernel @ inverse, expected, rtol=0, atol=1e-13)
    assert torch.equal(inverse, inverse.T)


def test_degrees_of_freedom_are_those_of_the_eigenvalues():
    given = problem(2)
    values = np.linalg.eigvalsh(given.kernel.numpy())
    expected = (values / (values + given.noise)).sum()
    assert given.fit().effective_degrees_of_freedom == pytest.approx(expected, rel=1e-12)


def test_leverage_keeps_its_digits_where_the_kernel_is_small():
    """1 − σ²R_ss alone would have five digits left."""
    given = problem(3, records=5)
    small = given.kernel * 1e-11
    found = fit(small, given.targets, 1.0).leverage
    with mpmath.workdps(50):
        kernel = mpmath.matrix(small.tolist())
        exact = kernel * (kernel + mpmath.eye(5)) ** -1
        expected = [float(exact[row, row]) for row in range(5)]
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_a_leverage_of_nothing_is_nothing():
    given = problem(4)
    dead = given.kernel.clone()
    dead[2], dead[:, 2] = 0, 0
    posterior = fit(dead, given.targets, 0.2)
    assert posterior.leverage[2] == 0
    assert posterior.leave_one_out_predictions[2].abs().max() < 1e-15


def test_residual_reports_lost_digits():
    given = problem(5, records=40)
    assert given.fit().inverse_residual() < 1e-13
    same = torch.ones(40, 40, dtype=torch.float64)
    lost = fit(same, torch.ones(40, 1, dtype=torch.float64), 1e-11)
    full = same @ lost.inverse + 1e-11 * lost.inverse - torch.eye(40)
    size = float(torch.linalg.matrix_norm(full)) / 40**0.5
    assert size > 1e-6
    assert lost.inverse_residual(400) == pytest.approx(size, rel=0.5)


def test_class_of_one_column_is_its_sign():
    assert classes_of(torch.tensor([[0.5], [-0.5]])).tolist() == [1, 0]
    assert classes_of(torch.tensor([[0.1, 0.2, -0.3]])).tolist() == [1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda k, y: (k[:3], y, 0.1), "square"),
        (lambda k, y: (k.float(), y, 0.1), "float64"),
        (lambda k, y: (k, y[:5], 0.1), "do not fit 9 records"),
        (lambda k, y: (k, y[:, 0], 0.1), "do not fit 9 records"),
        (lambda k, y: (k, y * float("nan"), 0.1), "target is NaN"),
        (lambda k, y: (k, y, 0.0), "every divergence is infinite"),
        (lambda k, y: (k, y, float("nan")), "finite variance, got nan"),
        (lambda k, y: (k - 2 * torch.eye(9).double(), y, 0.1), "not positive definite from row"),
        (lambda k, y: (k.triu(), y, 0.1), "not symmetric in rows 0 to 8"),
        (lambda k, y: (k * float("inf"), y, 0.1), "kernel of record 0 is too large"),
        (lambda k, y: (0 * k, y, 0.1), "the kernel is 0 for every record"),
        (lambda k, y: (k, y, 1e-17), "1e-17 is lost in rounding beside a kernel of"),
        (lambda k, y: (k, y, 1e40), "1e\\+40 hides a kernel of"),
    ],
)
def test_what_does_not_fit(change, message):
    given = problem(6)
    with pytest.raises(ImprintError, match=message):
        fit(*change(given.kernel, given.targets))
