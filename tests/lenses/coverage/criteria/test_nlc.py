import numpy as np
import pytest
import torch

from imprint.lenses.coverage.criteria.nlc import CovarianceCoverage, CovarianceOptions
from imprint.neurons.activations import Batch, Layers
from tests.lenses.coverage.made_activations import LAYERS, batch, unseen

PAIR = Layers(("pair",), (2,))
PAPER = CovarianceOptions("paper")


def by_numpy(values: torch.Tensor) -> float:
    parts = np.split(values.double().numpy(), np.cumsum(LAYERS.widths)[:-1], axis=1)
    return sum(np.abs(np.cov(part, rowvar=False, bias=True)).mean() for part in parts)


def published(batches: list[np.ndarray]) -> float:
    """The published procedure on one layer, written out."""
    count, mean, covariance, score = 0, np.zeros(2), np.zeros((2, 2)), 0.0
    for rows in batches:
        weight = len(rows) / (len(rows) + count)
        own_mean, own = rows.mean(0), np.cov(rows, rowvar=False, bias=True)
        gap = mean - own_mean
        merged = (1 - weight) * covariance + weight * own
        merged = merged + weight * (1 - weight) * np.outer(gap, gap)
        grown = np.abs(merged).mean()
        if grown > score:
            mean = (1 - weight) * mean + weight * own_mean
            count, covariance, score = count + len(rows), merged, grown
    return 1 + score


def test_value_is_the_mean_absolute_covariance() -> None:
    # Means 1 and 2; covariance [[1, −2], [−2, 4]].
    criterion = CovarianceCoverage(PAIR)
    criterion.update(batch([[0.0, 4.0], [2.0, 0.0]]))
    assert criterion.value() == (1 + 2 + 2 + 4) / 4
    assert criterion.ceiling(2) is None


@pytest.mark.parametrize("size", [1, 7, 60])
def test_exact_value_is_that_of_numpy_on_all_inputs(size: int) -> None:
    criterion = CovarianceCoverage(LAYERS)
    whole = unseen()
    for start in range(0, 60, size):
        criterion.update(whole.rows(slice(start, start + size)))
    assert criterion.value() == pytest.approx(by_numpy(whole.values), rel=1e-12)


def test_large_means_cost_no_digits() -> None:
    values = unseen().values + 1024
    criterion = CovarianceCoverage(LAYERS)
    for row in values:
        criterion.update(Batch(LAYERS, row[None]))
    assert criterion.value() == pytest.approx(by_numpy(values), rel=1e-9)


def test_paper_mode_is_the_published_procedure() -> None:
    rows = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
    batches = np.split(rows, [20, 24, 40, 41, 60])
    criterion = CovarianceCoverage(PAIR, PAPER)
    for part in batches:
        criterion.update(Batch(PAIR, torch.from_numpy(part)))
    written_out = published([part.astype(np.float64) for part in batches])
    assert criterion.value() == pytest.approx(written_out, rel=1e-12)
    assert criterion.spreads[0].count < 64
    whole = CovarianceCoverage(PAIR, PAPER)
    whole.update(Batch(PAIR, torch.from_numpy(rows)))
    assert whole.value() != criterion.value()


def test_paper_mode_never_moves_for_single_inputs() -> None:
    criterion = CovarianceCoverage(LAYERS, PAPER)
    for row in unseen().values:
        criterion.update(Batch(LAYERS, row[None]))
    assert criterion.value() == 1


def test_typical_inputs_lower_the_exact_value() -> None:
    criterion = CovarianceCoverage(PAIR)
    criterion.update(batch([[0.0, 4.0], [2.0, 0.0]]))
    middle = batch([[1.0, 2.0]])
    assert criterion.gain(middle)[0] == pytest.approx(9 / 4 * (2 / 3 - 1))
    gated = CovarianceCoverage(PAIR, PAPER)
    gated.update(batch([[0.0, 4.0], [2.0, 0.0]]))
    assert gated.gain(middle).tolist() == [0]
