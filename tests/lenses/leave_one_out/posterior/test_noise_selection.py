import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.stats import multivariate_normal, norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from imprint.lenses.leave_one_out.posterior.noise_path import spectrum
from imprint.lenses.leave_one_out.posterior.noise_selection import (
    NoiseCriteria,
    choose_noise,
    maximise,
)
from tests.lenses.leave_one_out.refits import problem

NOISES = [0.02, 0.3, 4.0]


def criteria(data, profiled, copies=None):
    if copies is None:
        copies = torch.arange(len(data.targets))
    decomposition = spectrum(data.kernel)
    return NoiseCriteria(decomposition, data.targets, data.variances_of_records, copies, profiled)


@pytest.fixture
def data():
    made = problem(0, records=60)
    object.__setattr__(made, "variances_of_records", made.kernel.diagonal())
    return made


def evidence(data, noise, scale=1.0):
    covariance = scale * (data.kernel.numpy() + noise * np.eye(60))
    return sum(multivariate_normal(cov=covariance).logpdf(y) for y in data.targets.numpy().T)


def left_out_density(data, noise, scale=1.0):
    densities = []
    for row in range(60):
        data.noise = noise
        mean, covariance = data.law(data.everyone_but(row), [row])
        spread = np.sqrt(scale * (covariance[0, 0] + noise))
        densities.append(norm(mean[0], spread).logpdf(data.targets[row].numpy()).sum())
    return float(np.mean(densities))


def best_scale(function):
    search = minimize_scalar(lambda log: -function(10**log), bounds=(-4, 4), method="bounded")
    return 10**search.x, -search.fun


def test_fixed_criteria_are_those_of_explicit_refits(data):
    ours = criteria(data, profiled=False)
    expected = [evidence(data, noise) for noise in NOISES]
    np.testing.assert_allclose(ours.log_evidence(NOISES), expected, rtol=1e-10)
    expected = [left_out_density(data, noise) for noise in NOISES]
    np.testing.assert_allclose(ours.density(NOISES), expected, rtol=1e-9)


@pytest.mark.parametrize("noise", NOISES)
def test_profiled_criteria_are_the_best_of_all_scales(data, noise):
    ours = criteria(data, profiled=True)
    scale, best = best_scale(lambda factor: evidence(data, noise, factor))
    assert ours.log_evidence([noise])[0] == pytest.approx(best, rel=1e-8)
    assert ours.evidence_scale(noise) == pytest.approx(scale, rel=1e-3)
    scale, best = best_scale(lambda factor: left_out_density(data, noise, factor))
    assert ours.density([noise])[0] == pytest.approx(best, rel=1e-8)
    assert ours.density_scale(noise) == pytest.approx(scale, rel=1e-3)


def test_copies_are_left_out_together_and_count_once():
    data = problem(1, records=12)
    pairs = torch.cat([torch.arange(12), torch.arange(12)])
    twice = NoiseCriteria(
        spectrum(data.kernel[pairs][:, pairs]),
        data.targets[pairs],
        data.kernel.diagonal()[pairs],
        pairs,
        profiled=False,
    )
    # Without both copies of a record, what is left are two of each other one: σ² half as large.
    densities = []
    for row in range(12):
        data.noise = 0.1
        mean, covariance = data.law(data.everyone_but(row), [row])
        spread = np.sqrt(covariance[0, 0] + 0.2)
        densities.append(norm(mean[0], spread).logpdf(data.targets[row].numpy()).sum())
    assert twice.density([0.2])[0] == pytest.approx(np.mean(densities), rel=1e-9)


def test_profiled_evidence_chooses_the_noise_of_scikit_learn():
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 2))
    y = 3 * np.sin(2 * x[:, :1]) + random.normal(size=(60, 1))
    prior = ConstantKernel(1.0, (1e-4, 1e4)) * RBF(1.0, "fixed") + WhiteKernel(1.0, (1e-5, 1e4))
    model = GaussianProcessRegressor(prior, alpha=0, n_restarts_optimizer=3, random_state=0)
    model.fit(x, y)
    amplitude, noise = np.exp(model.kernel_.theta)
    matrix = torch.from_numpy(RBF(1.0)(x))
    ours = NoiseCriteria(spectrum(matrix), torch.from_numpy(y), matrix.diagonal(), torch.arange(60))
    choice = choose_noise(ours).evidence
    assert choice.noise == pytest.approx(noise / amplitude, rel=0.01)
    assert ours.evidence_scale(choice.noise) == pytest.approx(amplitude, rel=0.01)
    assert choice.value == pytest.approx(model.log_marginal_likelihood_value_, rel=1e-6)
    assert not choice.at_edge


def test_a_planted_noise_is_chosen_by_both_criteria():
    """400 records of 5 outputs drawn from the prior: within 15 %, some 4 standard errors."""
    random = np.random.default_rng(5)
    x = random.normal(size=(400, 2))
    kernel = RBF(1.0)(x)
    y = np.linalg.cholesky(kernel + 0.3 * np.eye(400)) @ random.normal(size=(400, 5))
    matrix = torch.from_numpy(kernel)
    ours = NoiseCriteria(
        spectrum(matrix), torch.from_numpy(y), matrix.diagonal(), torch.arange(400), False
    )
    chosen = choose_noise(ours)
    assert chosen.evidence.noise == pytest.approx(0.3, rel=0.15)
    assert chosen.density.noise == pytest.approx(0.3, rel=0.15)


def test_the_largest_of_two_maxima_is_taken():
    def two_peaks(noises):
        log = np.log10(noises)
        return np.maximum(1 - (log + 3) ** 2, 2 - 4 * (log - 1) ** 2)

    grid = 10.0 ** np.arange(-6, 4, 0.25)
    best = maximise(two_peaks, grid, two_peaks(grid))
    assert np.log10(best.noise) == pytest.approx(1, abs=2e-3)
    assert best.value == pytest.approx(2, abs=1e-5)


def test_where_no_noise_is_best_the_largest_nearly_as_good_is_taken():
    def falling(noises):
        return -np.asarray(noises)

    grid = 10.0 ** np.arange(-6.0, 4.0)
    best = maximise(falling, grid, falling(grid), plateau=0.01)
    assert best.at_edge
    assert best.noise == pytest.approx(0.01, rel=1e-9)
    rising = maximise(lambda noises: np.asarray(noises), grid, grid)
    assert rising.at_edge
    assert rising.noise == pytest.approx(1e3, rel=0.01)
