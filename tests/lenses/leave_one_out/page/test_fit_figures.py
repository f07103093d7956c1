import numpy as np
import pytest

from imprint.lenses.leave_one_out.findings import NoisePath
from imprint.lenses.leave_one_out.page.fit_figures import (
    BINS,
    MAX_POINTS,
    divergence_histogram,
    divergence_path,
    fit_figures,
)

COLUMNS = ("kl_out_in", "kl_variance", "leverage", "residual_norm")


@pytest.mark.parametrize("values", [[0.0, 0.0], [2.0, 2.0], [0.0, 1e-12, 5.0], [1e-300, 1e3]])
def test_any_divergences_can_be_drawn(values):
    figure = divergence_histogram(np.array(values))
    assert figure.svg().startswith("<svg")
    assert len(figure.edges) == BINS + 1
    assert sum(figure.up) == len(values)


def test_of_many_records_a_part_is_drawn_and_stated():
    random = np.random.default_rng(0)
    records = {name: random.random(3 * MAX_POINTS) for name in COLUMNS}
    scatter = fit_figures(records, None)[1]
    assert "Shown are 1,000 of 3,000 records" in scatter.caption
    assert 0.9 * MAX_POINTS < scatter.svg().count("<use") < 1.1 * MAX_POINTS


def test_the_path_is_drawn_by_rising_noise():
    ones = (1.0, 1.0)
    path = NoisePath((0, 1), (0.5, 0.1), ones, ones, (2.0, 3.0), ones, (5.0, 7.0), ones)
    figure = divergence_path(path)
    median = figure.series[0]
    assert (list(median.x), list(median.y)) == ([0.1, 0.5], [3.0, 2.0])
    records = {name: np.ones(2) for name in COLUMNS}
    assert len(fit_figures(records, path)) == 3
    assert len(fit_figures(records, NoisePath(*[(0.1, 0.1)] * 9))) == 2
