"""Kernel distance of generated from real images: the unbiased squared MMD of a cubic kernel.

k(x, y) = (x·y/d + 1)³, and

MMD² = mean_{i≠j} k(xᵢ, xⱼ) + mean_{i≠j} k(yᵢ, yⱼ) − 2 mean_{ij} k(xᵢ, yⱼ)

On features of Inception-v3 it is the KID (Bińkowski et al., "Demystifying MMD GANs", ICLR 2018,
section 4). Unlike a Fréchet distance it is unbiased: of two samples of one distribution it is 0 on
average, and below 0 half of the time.

Published KIDs are means over 50 or 100 subsets of 1,000 images, drawn without replacement from the
same images, with the standard deviation over these subsets. That is the spread of a distance of
1,000 images, not the error of the mean, and dividing it by the root of the number of subsets is no
remedy, since subsets share images. So the distance is also taken of all images, with the
standard error of the delete-one jackknife of a two-sample U-statistic (Arvesen 1969), which the
sums of the rows of the kernel matrices hold. Cost: 2(n² + m² + nm)·d operations, and as much for
n = m = subset size for each subset; memory a block of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.core.seeds import generator
from imprint.lenses.reconstruct.quality.features import feature_sets
from imprint.stats.estimate import Estimate

SUBSETS = 100
SUBSET_SIZE = 1000
NORMAL_REACH = 1.96
"""Standard errors from an estimate to the ends of its 95 % interval."""
BLOCK_VALUES = 1 << 21
"""Values of a block, which is held twice: 32 MiB in all."""


@dataclass(frozen=True)
class KernelQuality:
    """Squared MMD; may be below 0.

    Attributes:
        value: of all images, unbiased.
        standard_error: of ``value`` over draws of both sets, by the jackknife.
        subset_mean: mean over subsets, as published.
        subset_deviation: standard deviation over subsets, as published.
        subset_size: images of either kind in a subset.
        subsets: how many.
        n_real: real images.
        n_generated: generated images.
    """

    value: float
    standard_error: float
    subset_mean: float
    subset_deviation: float
    subset_size: int
    subsets: int
    n_real: int
    n_generated: int


@dataclass(frozen=True)
class RowSums:
    """Sums over the kernel matrices of two sets, without the pairs of an image with itself.

    Attributes:
        real: float64 ``[n]``, Σ_{j≠i} k(xᵢ, xⱼ).
        generated: float64 ``[m]``, likewise.
        real_cross: float64 ``[n]``, Σ_j k(xᵢ, yⱼ).
        generated_cross: float64 ``[m]``, Σ_i k(xᵢ, yⱼ).
    """

    real: FloatArray
    generated: FloatArray
    real_cross: FloatArray
    generated_cross: FloatArray


def kernel_quality(
    real: ArrayLike,
    generated: ArrayLike,
    subsets: int = SUBSETS,
    subset_size: int = SUBSET_SIZE,
    seed: int = 0,
) -> KernelQuality:
    """Return the kernel distance of generated from real images.

    Args:
        real: ``[n, d]``, features of real images, n ≥ 3.
        generated: ``[m, d]``, features of generated images, m ≥ 3.
        subsets: at least 2.
        subset_size: images of either kind, at least 2; at most as many as there are of both.
        seed: of the subsets.

    Raises:
        ImprintError: as :func:`imprint.lenses.reconstruct.quality.features.feature_sets`, or fewer
            than two subsets or images in one.
    """
    first, second = feature_sets(real, generated, (3, 3))
    if subsets < 2 or subset_size < 2:
        raise ImprintError(
            f"{subsets} subsets of {subset_size} images have no spread: choose at least 2 of both"
        )
    sums = row_sums(first, second, "kernel distance")
    size = min(subset_size, len(first), len(second))
    random = generator(seed, "kernel distance subsets")
    distances = [
        squared_mmd(
            row_sums(
                first[random.permutation(len(first))[:size]],
                second[random.permutation(len(second))[:size]],
            )
        )
        for _ in track(range(subsets), "kernel distance, subsets", subsets, "subset")
    ]
    return KernelQuality(
        squared_mmd(sums),
        jackknife_error(sums),
        float(np.mean(distances)),
        float(np.std(distances, ddof=1)),
        size,
        subsets,
        len(first),
        len(second),
    )


def kernel_distance(real: ArrayLike, generated: ArrayLike) -> Estimate:
    """Return the kernel distance of all images alone, with the interval of the jackknife.

    Args:
        real: ``[n, d]``, features of real images, n ≥ 3.
        generated: ``[m, d]``, features of generated images, m ≥ 3; counted as n of the estimate.

    Raises:
        ImprintError: as :func:`imprint.lenses.reconstruct.quality.features.feature_sets`.
    """
    first, second = feature_sets(real, generated, (3, 3))
    sums = row_sums(first, second)
    value, reach = squared_mmd(sums), NORMAL_REACH * jackknife_error(sums)
    return Estimate(value, (value - reach, value + reach), len(second))


def row_sums(real: FloatArray, generated: FloatArray, what: str = "") -> RowSums:
    """Return the sums of the rows and columns of the three kernel matrices, block by block.

    Args:
        real: float64 ``[n, d]``.
        generated: float64 ``[m, d]``.
        what: a few words for the progress bar; none is shown without.
    """
    real_cross, generated_cross = np.empty(len(real)), np.zeros(len(generated))
    for block in _blocks(len(real), len(generated), what and f"{what}, real from generated"):
        kernel = cubic_kernel(real[block], generated)
        real_cross[block] = kernel.sum(axis=1)
        generated_cross += kernel.sum(axis=0)
    return RowSums(
        _own_sums(real, what and f"{what}, real images"),
        _own_sums(generated, what and f"{what}, generated images"),
        real_cross,
        generated_cross,
    )


def cubic_kernel(rows: FloatArray, columns: FloatArray) -> FloatArray:
    """Return (x·y/d + 1)³ of each row with each column, float64 ``[r, c]``."""
    base = rows @ columns.T
    base /= rows.shape[1]
    base += 1
    cube = base * base
    cube *= base
    return np.asarray(cube)


def squared_mmd(sums: RowSums) -> float:
    """Return the unbiased estimate."""
    n, m = len(sums.real), len(sums.generated)
    return float(
        sums.real.sum() / (n * (n - 1))
        + sums.generated.sum() / (m * (m - 1))
        - 2 * sums.real_cross.sum() / (n * m)
    )


def jackknife_error(sums: RowSums) -> float:
    """Return the standard error of :func:`squared_mmd` from leaving each image out in turn."""
    parts = [
        _left_out(sums.real, sums.real_cross, len(sums.generated)),
        _left_out(sums.generated, sums.generated_cross, len(sums.real)),
    ]
    return float(np.sqrt(sum((len(part) - 1) * np.var(part) for part in parts)))


def _left_out(own: FloatArray, cross: FloatArray, others: int) -> FloatArray:
    """Return the estimate without each image of one set, but for what none of them changes."""
    count = len(own)
    within = (own.sum() - 2 * own) / ((count - 1) * (count - 2))
    return np.asarray(within - 2 * (cross.sum() - cross) / ((count - 1) * others))


def _own_sums(vectors: FloatArray, what: str) -> FloatArray:
    sums = np.empty(len(vectors))
    for block in _blocks(len(vectors), len(vectors), what):
        kernel = cubic_kernel(vectors[block], vectors)
        rows = np.arange(len(kernel))
        kernel[rows, block.start + rows] = 0
        sums[block] = kernel.sum(axis=1)
    return sums


def _blocks(rows: int, columns: int, what: str) -> Iterator[slice]:
    """Yield slices of rows, so many that a block holds at most ``BLOCK_VALUES`` values."""
    step = max(1, BLOCK_VALUES // columns)
    starts = range(0, rows, step)
    for start in track(starts, what, len(starts), "block") if what else starts:
        yield slice(start, start + step)
