"""Fréchet distance of generated from real images, beside that of real images from real ones.

On features of Inception-v3 it is the FID (Heusel et al., "GANs trained by a two time-scale update
rule converge to a local Nash equilibrium", NeurIPS 2017); on features of another network it is the
same formula and does not compare with published FIDs.

There is no interval. The distance of samples is biased upwards, since their moments differ by
chance, and the bias falls with the number of images, about as 1/n. A bootstrap repeats images, so a
resample is like a sample of fewer: its distances are biased twice, and the percentile interval
often lies wholly above the value and above the true distance. What tells whether a distance is
large is the noise floor: the same distance between two halves of the real images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.lenses.reconstruct.quality.features import feature_sets
from imprint.lenses.reconstruct.quality.halves import half_size, split_halves
from imprint.stats.frechet import frechet_distance

SPLITS = 5


@dataclass(frozen=True)
class FrechetQuality:
    """Distances in squared units of the features.

    Attributes:
        value: of all generated from all real images; to compare with others of as many images.
        at_half: of ``half`` generated from ``half`` real images, mean over the splits.
        floor: of two disjoint sets of ``half`` real images, mean over the splits.
        floor_range: least and most of the splits.
        half: images in each set of a split.
        splits: random splits behind the last four.
        n_real: real images.
        n_generated: generated images.
    """

    value: float
    at_half: float
    floor: float
    floor_range: tuple[float, float]
    half: int
    splits: int
    n_real: int
    n_generated: int

    @property
    def excess(self) -> float:
        """``at_half`` less ``floor``: what is left once the bias of equally many is taken off."""
        return self.at_half - self.floor


def frechet_quality(
    real: ArrayLike, generated: ArrayLike, splits: int = SPLITS, seed: int = 0
) -> FrechetQuality:
    """Return the Fréchet distance of generated images with its noise floor.

    Args:
        real: ``[n, d]``, features of real images, n ≥ 4.
        generated: ``[m, d]``, features of generated images, m ≥ 2.
        splits: random splits of the real images for the floor.
        seed: of the splits.

    Raises:
        ImprintError: as :func:`imprint.lenses.reconstruct.quality.features.feature_sets`, or no
            splits.
    """
    first, second = feature_sets(real, generated, (4, 2))
    if splits < 1:
        raise ImprintError(f"{splits} splits leave no noise floor: choose at least 1")
    pairs = [
        (frechet_distance(base, drawn), frechet_distance(base, other))
        for base, other, drawn in track(
            split_halves(first, second, splits, seed), "Fréchet distance", splits, "split"
        )
    ]
    at_half, floor = np.array(pairs).T
    return FrechetQuality(
        frechet_distance(first, second),
        float(at_half.mean()),
        float(floor.mean()),
        (float(floor.min()), float(floor.max())),
        half_size(first, second),
        splits,
        len(first),
        len(second),
    )
