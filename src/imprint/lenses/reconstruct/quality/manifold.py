"""Precision, recall, density and coverage of generated images, by balls around images.

The ball of an image reaches to its k-th nearest other image of its set; the balls of a set are its
manifold.

- precision: share of generated images in a ball of a real one (Kynkäänniemi et al., "Improved
  precision and recall metric for assessing generative models", NeurIPS 2019, equation 2)
- recall: share of real images in a ball of a generated one
- density: mean number of real balls around a generated image, over k; may exceed 1
- coverage: share of real balls that hold a generated image (Naeem et al., "Reliable fidelity and
  diversity metrics for generative models", ICML 2020, equations 4 and 5)

Balls are closed: an image on the edge is inside, so that a copy of an image lies in its ball. Cost:
2(n² + m² + nm)·d operations; memory a block of distances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.quality.balls import Distances, squared_radii
from imprint.lenses.reconstruct.quality.features import feature_sets
from imprint.lenses.reconstruct.quality.halves import half_size, split_halves

NEIGHBOURS = 3


@dataclass(frozen=True)
class ManifoldScores:
    """Shares in [0, 1], but for the density."""

    precision: float
    recall: float
    density: float
    coverage: float


@dataclass(frozen=True)
class ManifoldQuality:
    """Scores of generated images, beside those of real ones.

    Attributes:
        scores: of all images.
        at_half: of ``half`` generated against ``half`` real images.
        ceiling: of ``half`` real against as many other real images: not 1, even though both are
            of one distribution.
        half: images in each set of the last two.
        k: neighbours that make a ball.
        n_real: real images.
        n_generated: generated images.
    """

    scores: ManifoldScores
    at_half: ManifoldScores
    ceiling: ManifoldScores
    half: int
    k: int
    n_real: int
    n_generated: int


def manifold_quality(
    real: ArrayLike, generated: ArrayLike, k: int = NEIGHBOURS, seed: int = 0
) -> ManifoldQuality:
    """Return precision, recall, density and coverage of generated images.

    Args:
        real: ``[n, d]``, features of real images, n ≥ 2(k + 1).
        generated: ``[m, d]``, features of generated images, m ≥ k + 1.
        k: neighbours, at least 1; 3 in both papers' comparisons of precision and recall.
        seed: of the halves.

    Raises:
        ImprintError: as :func:`imprint.lenses.reconstruct.quality.features.feature_sets`, or k < 1.
    """
    if k < 1:
        raise ImprintError(f"balls of {k} neighbours: choose at least 1")
    first, second = feature_sets(real, generated, (2 * (k + 1), k + 1))
    base, other, drawn = next(split_halves(first, second, 1, seed))
    return ManifoldQuality(
        manifold_scores(first, second, k),
        manifold_scores(base, drawn, k),
        manifold_scores(base, other, k),
        half_size(first, second),
        k,
        len(first),
        len(second),
    )


def manifold_scores(real: FloatArray, generated: FloatArray, k: int) -> ManifoldScores:
    """Return the four scores; see the module.

    Args:
        real: float64 ``[n, d]``, n > k.
        generated: float64 ``[m, d]``, m > k.
        k: neighbours.
    """
    real_radii, generated_radii = squared_radii(real, k), squared_radii(generated, k)
    distances = Distances(generated, real)
    real_balls = np.empty(len(generated), dtype=np.int64)
    recalled, covered = np.zeros(len(real), dtype=bool), np.zeros(len(real), dtype=bool)
    for start, squares in distances.blocks("generated from real images"):
        block = slice(start, start + len(squares))
        own_radii = generated_radii[block, None]
        near = np.abs(squares - real_radii) <= distances.error
        near |= np.abs(squares - own_radii) <= distances.error
        distances.settle(start, squares, near)
        inside = squares <= real_radii
        real_balls[block] = inside.sum(axis=1)
        covered |= inside.any(axis=0)
        recalled |= (squares <= own_radii).any(axis=0)
    return ManifoldScores(
        precision=float((real_balls > 0).mean()),
        recall=float(recalled.mean()),
        density=float(real_balls.sum() / (k * len(generated))),
        coverage=float(covered.mean()),
    )
