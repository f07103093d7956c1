import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal, norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel

from imprint.lenses.leave_one_out.posterior.densities import log_predictive_density
from imprint.lenses.leave_one_out.posterior.posterior import fit
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from tests.lenses.leave_one_out.refits import problem


def test_evidence_is_the_density_of_all_targets_under_the_prior():
    data = problem(0, records=20)
    covariance = data.kernel.numpy() + data.noise * np.eye(20)
    expected = sum(multivariate_normal(cov=covariance).logpdf(y) for y in data.targets.numpy().T)
    assert data.fit().log_evidence == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("noise", [0.01, 0.3])
def test_evidence_is_that_of_scikit_learn(noise):

    random = np.random.default_rng(3)
    x, y = random.normal(size=(60, 4)), random.normal(size=(60, 1))
    prior = RBF(2.0) + WhiteKernel(noise)
    model = GaussianProcessRegressor(prior, alpha=0, optimizer=None).fit(x, y)
    kernel = torch.from_numpy(RBF(2.0)(x))
    ours = fit(kernel, torch.from_numpy(y), noise).log_evidence
    assert ours == pytest.approx(model.log_marginal_likelihood_value_, rel=1e-9)


def test_predictive_density_is_that_of_each_record_in_the_model_without_it():
    data = problem(1, records=60)
    own = self_influence(data.fit())
    ours = log_predictive_density(own.residual, own.variance_out, data.noise)
    for row in range(60):
        mean, covariance = data.law(data.everyone_but(row), [row])
        spread = np.sqrt(covariance[0, 0] + data.noise)
        expected = norm(mean[0], spread).logpdf(data.targets[row].numpy()).sum()
        assert float(ours[row]) == pytest.approx(expected, rel=1e-9)
