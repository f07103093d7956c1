from __future__ import annotations

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.quality import balls
from imprint.lenses.reconstruct.quality.manifold import (
    ManifoldScores,
    manifold_quality,
    manifold_scores,
)

RANDOM = np.random.default_rng(0)


def brute_force(real: np.ndarray, generated: np.ndarray, k: int) -> ManifoldScores:
    def radii(vectors: np.ndarray) -> list[float]:
        return [
            sorted(float(((x - y) ** 2).sum()) for j, y in enumerate(vectors) if j != i)[k - 1]
            for i, x in enumerate(vectors)
        ]

    squares = np.array([[((x - y) ** 2).sum() for x in real] for y in generated])
    in_real = squares <= np.array(radii(real))
    in_generated = squares <= np.array(radii(generated))[:, None]
    return ManifoldScores(
        float(in_real.any(axis=1).mean()),
        float(in_generated.any(axis=0).mean()),
        float(in_real.sum() / (k * len(generated))),
        float(in_real.any(axis=0).mean()),
    )


@pytest.mark.parametrize("block", [1, 50, 1 << 20])
@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("lattice", [False, True])
def test_scores_are_those_of_all_distances(
    monkeypatch: pytest.MonkeyPatch, block: int, k: int, lattice: bool
) -> None:
    """On a lattice most distances tie."""
    monkeypatch.setattr(balls, "BLOCK_VALUES", block)
    real, generated = RANDOM.normal(size=(40, 3)), RANDOM.normal(size=(30, 3)) * 1.5 + 0.5
    if lattice:
        real, generated = np.round(real) + 1e6, np.round(generated) + 1e6
    assert manifold_scores(real, generated, k) == brute_force(real, generated, k)


def test_scores_by_hand() -> None:
    # k = 1: balls of 0, 1, 10 reach 1, 1, 9; those of 0.5, 1.5, 30 reach 1, 1, 28.5.
    real, generated = np.array([[0.0], [1.0], [10.0]]), np.array([[0.5], [1.5], [30.0]])
    scores = manifold_scores(real, generated, 1)
    assert scores.precision == 2 / 3
    assert scores.recall == 1.0
    assert scores.density == (2 + 2) / 3
    assert scores.coverage == 1.0


def test_images_on_the_edge_and_copies_are_inside() -> None:
    real = np.array([[0.0, 0.0], [0.0, 3.0], [4.0, 0.0], [0.0, 0.0]])
    copies = manifold_scores(real, real, 1)
    assert (copies.precision, copies.recall, copies.coverage) == (1, 1, 1)
    edge = manifold_scores(np.array([[0.0], [0.1]]), np.array([[0.2], [5.0]]), 1)
    assert edge.precision == 0.5


def test_lost_modes_lower_recall_and_not_precision() -> None:
    centres = np.array([[0.0] * 4, [50.0] * 4])
    real = RANDOM.normal(size=(200, 4)) + centres[RANDOM.integers(0, 2, 200)]
    generated = RANDOM.normal(size=(200, 4))
    scores = manifold_scores(real, generated, 3)
    assert scores.precision > 0.7
    assert scores.recall < 0.6
    assert scores.coverage < 0.6


def test_real_images_stand_beside_generated_ones() -> None:
    quality = manifold_quality(RANDOM.normal(size=(200, 5)), RANDOM.normal(size=(80, 5)))
    assert (quality.half, quality.k, quality.n_real, quality.n_generated) == (80, 3, 200, 80)
    assert quality.ceiling.precision < 1
    assert quality.at_half.precision == pytest.approx(quality.ceiling.precision, abs=0.2)


@pytest.mark.parametrize(("n", "m", "k"), [(7, 9, 3), (9, 3, 3), (9, 9, 0)])
def test_too_few_images_or_neighbours_are_refused(n: int, m: int, k: int) -> None:
    with pytest.raises(ImprintError, match=r"too few|at least 1"):
        manifold_quality(np.zeros((n, 2)), np.zeros((m, 2)), k)
