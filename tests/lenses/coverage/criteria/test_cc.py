import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criteria.cc import ClusterCoverage, ClusterCoverageOptions
from imprint.neurons.activations import Batch, Layers
from tests.lenses.coverage.made_activations import batch

PAIR = Layers(("pair",), (2,))


def coverage(layers: Layers, threshold: float) -> ClusterCoverage:
    return ClusterCoverage(layers, ClusterCoverageOptions(threshold))


def one_after_another(rows: np.ndarray, threshold: float) -> list[int]:
    """Return which rows the definition keeps, by differences in float64."""
    kept: list[int] = []
    for row, vector in enumerate(rows.astype(np.float64)):
        distances = np.square(rows[kept].astype(np.float64) - vector).sum(1)
        if not kept or distances.min() > threshold:
            kept.append(row)
    return kept


def test_squared_distances_must_exceed_the_threshold() -> None:
    criterion = coverage(PAIR, 25.0)
    criterion.update(batch([[0.0, 0.0], [3.0, 4.0], [3.0, 4.001], [-9.0, 0.0]]))
    assert criterion.kept[0].vectors.tolist() == [[0, 0], [3, pytest.approx(4.001)], [-9, 0]]
    assert criterion.value() == 2
    assert criterion.ceiling(4) == 3


def test_the_first_vector_of_each_layer_does_not_count() -> None:
    layers = Layers(("one", "other"), (1, 1))
    criterion = coverage(layers, 1.0)
    criterion.update(batch([[0.0, 0.0]], layers))
    assert criterion.value() == 0
    assert criterion.gain(batch([[0.0, 2.0], [2.0, 2.0], [1.0, 1.0]], layers)).tolist() == [1, 2, 0]
    criterion.update(batch([[0.0, 2.0]], layers))
    assert criterion.value() == 1


def test_merging_takes_the_other_ones_vectors_as_inputs() -> None:
    rows = np.random.default_rng(5).normal(size=(200, 2)).astype(np.float32)
    first, second = coverage(PAIR, 0.5), coverage(PAIR, 0.5)
    first.update(Batch(PAIR, torch.from_numpy(rows[:100])))
    second.update(Batch(PAIR, torch.from_numpy(rows[100:])))
    halves = [rows[:100][one_after_another(rows[:100], 0.5)]]
    halves.append(rows[100:][one_after_another(rows[100:], 0.5)])
    joined = np.concatenate(halves)
    first.merge(second)
    np.testing.assert_array_equal(
        first.kept[0].vectors.numpy(), joined[one_after_another(joined, 0.5)]
    )


def test_thresholds_below_zero_are_refused() -> None:
    with pytest.raises(ImprintError, match="threshold must be at least 0"):
        ClusterCoverageOptions(-1.0)
