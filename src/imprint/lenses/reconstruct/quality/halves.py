"""Random halves of the real images: what a perfect generator would score with as many images.

Distances of finite samples depend on how many there are, and those of two samples of one
distribution are not 0. So whatever is measured of generated images is measured of real ones as
well: one half of the real images stands for the generated ones, the other half is what these are
compared with, and generated images, as many, are compared with the same half.
"""

from __future__ import annotations

from collections.abc import Iterator

from imprint.core.arrays import FloatArray
from imprint.core.seeds import generator


def half_size(real: FloatArray, generated: FloatArray) -> int:
    """Return how many images each of the three sets of a split holds."""
    return min(len(real) // 2, len(generated))


def split_halves(
    real: FloatArray, generated: FloatArray, splits: int, seed: int
) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
    """Yield real images, disjoint other real images and generated ones, ``[half, d]`` each.

    Args:
        real: ``[n, d]``.
        generated: ``[m, d]``.
        splits: random splits, independent of one another.
        seed: of the splits.
    """
    half = half_size(real, generated)
    for split in range(splits):
        random = generator(seed, "quality halves", split)
        order = random.permutation(len(real))
        drawn = random.permutation(len(generated))[:half]
        yield real[order[:half]], real[order[half : 2 * half]], generated[drawn]
