import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from imprint.lenses.leave_one_out.posterior.noise_path import noise_path, spectrum
from imprint.lenses.leave_one_out.posterior.noise_ranking import (
    noise_selection,
    rank_correlations,
)
from imprint.lenses.leave_one_out.posterior.noise_selection import NoiseCriteria, choose_noise
from tests.lenses.leave_one_out.refits import problem


def test_rankings_are_correlated_as_scipy_says():
    data = problem(2, records=40)
    root = torch.linalg.cholesky(data.kernel + 0.3 * torch.eye(40).double())
    data.targets = root @ torch.from_numpy(np.random.default_rng(0).normal(size=(40, 3)))
    decomposition = spectrum(data.kernel)
    criteria = NoiseCriteria(decomposition, data.targets, data.kernel.diagonal(), torch.arange(40))
    chosen = choose_noise(criteria)
    noises = (chosen.density.noise, chosen.evidence.noise, 0.01, 3.0)
    found = noise_selection(criteria, chosen, "density", noises, density_offset=2.0)
    alone = noise_path(decomposition, data.targets, noises)
    for name, table in (
        ("kl_out_in", found.ranking.kl_out_in),
        ("mean_distance", found.ranking.mean_distance),
    ):
        values = [getattr(each, name).numpy() for each in alone]
        for row in range(4):
            for column in range(4):
                expected = spearmanr(values[row], values[column]).statistic
                assert table[row][column] == pytest.approx(expected, abs=1e-9)
    assert found.ranking.with_fitted[3].value == pytest.approx(found.ranking.kl_out_in[0][3])
    low, high = found.ranking.with_fitted[3].ci95
    assert low < found.ranking.with_fitted[3].value < high
    assert found.ranking.chosen_by == ("density", "evidence", "", "")
    # The density of targets in other units is less by the offset, the evidence by one a record.
    assert found.density.log_predictive_density == pytest.approx(chosen.density.value - 2)
    assert found.evidence.log_evidence == pytest.approx(chosen.evidence.value - 80)
    assert max(found.curve.log_predictive_density) <= found.density.log_predictive_density + 1e-9


def test_a_constant_row_correlates_with_nothing():
    assert rank_correlations(np.array([[1.0, 2.0], [3.0, 3.0]]))[0][1] == 0
