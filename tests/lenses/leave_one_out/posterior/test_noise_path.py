import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.noise_path import noise_path, spectrum
from imprint.lenses.leave_one_out.posterior.posterior import fit
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from tests.lenses.leave_one_out.refits import problem

NOISES = [1e-3, 0.1, 2.0, 1e6]
NAMES = (
    "leverage",
    "variance_out",
    "residual",
    "shift",
    "memorization",
    "kl_out_in",
    "kl_in_out",
    "mean_distance",
    "auc",
)


def test_every_noise_is_a_fit():
    setting = problem(0)
    decomposition = spectrum(setting.kernel)
    path = noise_path(decomposition, setting.targets, NOISES)
    for noise, found in zip(NOISES, path, strict=True):
        fitted = fit(setting.kernel, setting.targets, noise)
        expected = self_influence(fitted)
        for name in NAMES:
            torch.testing.assert_close(
                getattr(found, name), getattr(expected, name), rtol=1e-9, atol=1e-15
            )
        assert decomposition.effective_degrees_of_freedom(noise) == pytest.approx(
            fitted.effective_degrees_of_freedom, rel=1e-9
        )


def test_more_noise_is_less_leverage():
    setting = problem(1)
    path = noise_path(spectrum(setting.kernel), setting.targets, NOISES)
    leverages = torch.stack([found.leverage for found in path])
    assert (leverages.diff(dim=0) < 0).all()


def test_what_is_no_kernel_or_no_noise():
    setting = problem(2)
    with pytest.raises(ImprintError, match="has the eigenvalue"):
        spectrum(setting.kernel - torch.eye(9).double())
    with pytest.raises(ImprintError, match="is not finite: scale the inputs down"):
        spectrum(torch.full((3, 3), torch.nan, dtype=torch.float64))
    with pytest.raises(ImprintError, match="compute it in float64"):
        spectrum(setting.kernel.float())
    decomposition = spectrum(setting.kernel)
    with pytest.raises(ImprintError, match="positive and finite"):
        noise_path(decomposition, setting.targets, [0.1, 0.0])
    with pytest.raises(ImprintError, match="do not fit 9 records"):
        noise_path(decomposition, setting.targets[:4], [0.1])
