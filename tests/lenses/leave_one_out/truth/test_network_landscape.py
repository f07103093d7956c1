import numpy as np
import pytest
import torch
from scipy.special import digamma

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.posterior.distinguishability import Directions
from imprint.lenses.leave_one_out.truth import network_landscape as module
from imprint.lenses.leave_one_out.truth.network_landscape import network_landscape


def samples(count=9, other=8, points=3, outputs=2, shift=1.0, seed=0):
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(outputs, outputs)) + 2 * np.eye(outputs)
    within = rng.normal(size=(count, points, outputs)) @ mixing
    without = 1.5 * rng.normal(size=(other, points, outputs)) @ mixing + shift
    return torch.from_numpy(within), torch.from_numpy(without)


def law(sample):
    return sample.mean(0), np.cov(sample.T)


def volume(covariance, count):
    """Log determinant less its bias under normal samples."""
    width, freedom = len(covariance), count - 1
    bias = sum(digamma((freedom - i) / 2) for i in range(width)) + width * np.log(2 / freedom)
    return np.linalg.slogdet(covariance)[1] - bias


def divergence(within, without):
    """KL(out ‖ in), each of its terms unbiased."""
    (mean_in, cov_in), (mean_out, cov_out) = law(within), law(without)
    width, freedom = len(mean_in), len(within) - 1
    inverse = np.linalg.inv(cov_in) * (freedom - width - 1) / freedom
    trace, shift = np.trace(inverse @ cov_out), mean_in - mean_out
    distance = shift @ inverse @ shift - width / len(within) - trace / len(without)
    logs = volume(cov_in, len(within)) - volume(cov_out, len(without))
    return 0.5 * (trace + distance + logs - width)


def distance(within, without):
    noise = within.var(0, ddof=1) / len(within) + without.var(0, ddof=1) / len(without)
    return 0.5 * (np.square(within.mean(0) - without.mean(0)) - noise).mean()


def jackknife(statistic, within, without):
    variance = 0
    for which in (0, 1):
        count = len((within, without)[which])
        less = []
        for gone in range(count):
            pair = [within, without]
            pair[which] = np.delete(pair[which], gone, axis=0)
            less.append(statistic(*pair))
        variance += (count - 1) * np.var(less)
    return statistic(within, without), variance**0.5


@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_against_laws_fitted_again_without_each_network(outputs, monkeypatch):
    monkeypatch.setattr(module, "_AT_ONCE", 20)
    within, without = samples(outputs=outputs)
    found = network_landscape(within, without)
    for point in range(3):
        pair = within[:, point].numpy(), without[:, point].numpy()
        if outputs > 1:
            np.testing.assert_allclose(
                (found.kl_out_in[point], found.kl_error[point]),
                jackknife(divergence, *pair),
                rtol=1e-9,
            )
        np.testing.assert_allclose(
            (found.mean_distance[point], found.mean_distance_error[point]),
            jackknife(distance, *pair),
            rtol=1e-9,
        )


def test_equal_samples_tell_nothing():
    """2000 points without a difference: no estimate is biased by more than 4 standard errors."""
    rng = np.random.default_rng(0)
    within, without = (torch.from_numpy(rng.normal(size=(20, 2000, 2))) for _ in range(2))
    found = network_landscape(within, without)
    for values, nothing in (
        (found.mean_distance, 0.0),
        (found.kl_out_in, 0.0),
    ):
        error = float(values.std()) / 2000**0.5
        assert abs(float(values.mean()) - nothing) < 4 * error


def test_normal_laws_come_out_with_their_errors():
    """True values within 4 standard errors of the mean over points; errors as large as stated."""
    rng = np.random.default_rng(1)
    z, a = 1.25, 0.8
    within = rng.normal(size=(100, 200, 1))
    without = 1.5 * rng.normal(size=(100, 200, 1)) + (z * a) ** 0.5
    found = network_landscape(torch.from_numpy(within), torch.from_numpy(without))
    truth = Directions(torch.tensor([z]).double(), torch.tensor([a]).double(), 1)
    pairs = (
        (found.kl_out_in, found.kl_error, float(truth.kl_out_in())),
        (found.mean_distance, found.mean_distance_error, 0.5 * z * a),
    )
    for values, errors, expected in pairs:
        spread = float(values.std())
        assert abs(float(values.mean()) - expected) < 4 * spread / 200**0.5
        assert 0.75 < float(errors.square().mean().sqrt()) / spread < 1.3


def test_points_of_any_shape():
    within, without = samples(points=6)
    flat = network_landscape(within, without)
    shaped = network_landscape(within.view(9, 2, 3, 2), without.view(8, 2, 3, 2))
    assert shaped.kl_error.flatten().equal(flat.kl_error)
    assert shaped.kl_out_in.shape == (2, 3)


def test_what_does_not_fit_is_refused():
    within, without = samples()
    with pytest.raises(ImprintError, match="too few"):
        network_landscape(within[:5], without)
    with pytest.raises(ImprintError, match="do not compare"):
        network_landscape(within, without[:, :2])
    alike = torch.stack([within[..., 0], -within[..., 0]], dim=-1)
    with pytest.raises(ImprintError, match="functions of one another"):
        network_landscape(alike, without)
    within[0, 0, 0] = torch.nan
    with pytest.raises(ImprintError, match="not all finite"):
        network_landscape(within, without)
