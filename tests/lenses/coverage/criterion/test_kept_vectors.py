import numpy as np
import pytest
import torch

from imprint.lenses.coverage.criteria.cc import ClusterCoverage, ClusterCoverageOptions
from imprint.lenses.coverage.criterion import kept_vectors
from imprint.neurons.activations import Batch, Layers


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


@pytest.mark.parametrize("threshold", [0.0, 0.5, 2.0, 10.0])
@pytest.mark.parametrize("shift", [0.0, 1000.0])
@pytest.mark.parametrize(("sorted_from", "worthwhile"), [(1, 1.0), (1, 0.0), (512, 0.6)])
def test_kept_vectors_are_those_kept_one_after_another(
    threshold: float,
    shift: float,
    sorted_from: int,
    worthwhile: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also far from the origin, where float32 products lose the distances; sorted or not."""
    monkeypatch.setattr(kept_vectors, "SORTED_FROM", sorted_from)
    monkeypatch.setattr(kept_vectors, "WORTHWHILE", worthwhile)
    monkeypatch.setattr(kept_vectors, "KEPT_TILE", 7)
    monkeypatch.setattr(kept_vectors, "BLOCK", 5)
    random = np.random.default_rng(4)
    rows = (random.integers(-4, 5, (300, 3)) / 2 + shift).astype(np.float32)
    layers = Layers(("three",), (3,))
    for size in (1, 13, 300):
        criterion = coverage(layers, threshold)
        for start in range(0, 300, size):
            criterion.update(Batch(layers, torch.from_numpy(rows[start : start + size])))
        expected = rows[one_after_another(rows, threshold)]
        np.testing.assert_array_equal(criterion.kept[0].vectors.numpy(), expected)


def test_many_kept_vectors_are_compared_in_windows() -> None:
    """Of 3,000 vectors along a curve, far those that hold their distance in all ten neurons."""
    random = np.random.default_rng(6)
    along = random.uniform(0, 400, (3000, 1))
    rows = np.concatenate([along, 5 * np.sin(along), random.normal(size=(3000, 8)) / 4], axis=1)
    rows = rows.astype(np.float32)
    layers = Layers(("ten",), (10,))
    criterion = coverage(layers, 0.5)
    for start in range(0, 3000, 400):
        criterion.update(Batch(layers, torch.from_numpy(rows[start : start + 400])))
    expected = rows[one_after_another(rows, 0.5)]
    assert kept_vectors.SORTED_FROM < len(expected) < 2900
    np.testing.assert_array_equal(criterion.kept[0].vectors.numpy(), expected)
    asked = torch.from_numpy(rows + np.float32(0.2))
    nearest = np.square(asked.numpy()[:, None].astype(np.float64) - expected).sum(2).min(1)
    assert criterion.gain(Batch(layers, asked)).tolist() == (nearest > 0.5).tolist()
