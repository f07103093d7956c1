"""AUC of telling networks with a record from networks without it, in networks paired by start.

in_i and out_i are logits of two networks of one start i. The attack scores logits by the log ratio
of two Gaussians, one of networks with the record and one of those without. Each pair (in_i, out_j),
i ≠ j, is compared by Gaussians fitted without the starts i and j, both of them in both:

    AUC = mean over i ≠ j of [score(in_i) > score(out_j)] + ½ [score(in_i) = score(out_j)].

Without an effect in_i and out_j are then alike and independent of both Gaussians, so the AUC is ½
on average at any correlation of the mates, as it is not where scores of different fits are pooled
or a mate stays in a fit (Airola, Pahikkala, Waegeman, De Baets, Salakoski 2011). The standard error
is by jackknife over starts, with everything fitted again, so it holds the noise of the Gaussians.
On average it is not too small (Efron, Stein, "The jackknife estimate of variance", 1981); where
there is no effect to speak of, it is up to 1.8 times too large.

With S the scatter of all K centred logits x of a side, G = X S⁻¹ Xᵀ and T = {i, j}, the scatter
without T is S − X_Tᵀ (I + 11ᵀ/(K − 2)) X_T, and its inverse S⁻¹ + S⁻¹ X_Tᵀ M⁻¹ X_T S⁻¹ with
M = I − 11ᵀ/K − G_TT (Woodbury): two by two. Determinants cancel in a comparison by the same fits.

Time: O(r K²) a fit, of which a jackknife takes 41 at most.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError

GROUPS = 40
"""Of more starts than these, jackknives leave out groups of equal size, one at a time."""

# Pairs of networks that are compared at a time: 8 MB an array.
_PAIRS = 1 << 20


def fewest_starts(outputs: int) -> int:
    """Return how many starts the AUC of c logits needs for its standard error.

    >>> fewest_starts(10)  # 3 are gone in a refit, and 11 points span 10 dimensions
    14
    """
    count = outputs + 4
    while count - -(-count // GROUPS) < outputs + 3:
        count += 1
    return count


def paired_auc(within: FloatArray, without: FloatArray) -> FloatArray:
    """Return the AUC of each record, ``[r]``, from 0 to 1.

    Args:
        within: logits of networks trained with each record, float64 ``[r, K, c]``.
        without: of those trained without it, of the same starts in the same order.

    Raises:
        ImprintError: fewer than c + 3 starts, or logits without spread in some direction.
    """
    records, count, outputs = within.shape
    if count < outputs + 3:
        raise ImprintError(
            f"{count} pairs of networks do not give a covariance of {outputs} logits: train "
            f"{fewest_starts(outputs)} or more"
        )
    at_once = max(1, _PAIRS // count**2)
    return np.concatenate(
        [
            _areas(within[start : start + at_once], without[start : start + at_once])
            for start in range(0, records, at_once)
        ]
    )


def without_each_start(
    measure: Callable[[FloatArray, FloatArray], FloatArray],
    within: FloatArray,
    without: FloatArray,
) -> FloatArray:
    """Return what a measure ``[r]`` becomes without each start or group of them, ``[groups, r]``.

    Args:
        measure: of arrays such as the following.
        within: as :func:`paired_auc`.
        without: likewise.
    """
    starts = np.arange(within.shape[1])
    gone = np.array_split(starts, min(GROUPS, len(starts)))
    return np.stack(
        [
            measure(np.delete(within, part, axis=1), np.delete(without, part, axis=1))
            for part in gone
        ]
    )


def jackknife_error(less: FloatArray) -> FloatArray:
    """Return the standard error from values without each start, ``[groups, ...]``.

    >>> float(jackknife_error(np.array([1.0, 2.0, 3.0])))  # means of 5, 3, 1 without one each
    1.1547005383792515
    """
    error: FloatArray = np.sqrt((len(less) - 1) * less.var(0))
    return error


def _areas(within: FloatArray, without: FloatArray) -> FloatArray:
    count = within.shape[1]
    gap = np.zeros((len(within), count, count))
    for own, sign in ((within, -0.5), (without, 0.5)):
        at_in, at_out = _distances(own, within, without)
        gap += sign * (at_in - at_out)
    wins = (gap > 0) + 0.5 * (gap == 0)
    wins[:, np.arange(count), np.arange(count)] = 0
    areas: FloatArray = wins.sum((1, 2)) / (count * (count - 1))
    return areas


def _distances(
    sample: FloatArray, within: FloatArray, without: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return squared Mahalanobis distances of in_i and of out_j, ``[r, i, j]`` each.

    They are from the Gaussian of a sample without its starts i and j; i = j means nothing.
    """
    count = sample.shape[1]
    centre = sample.mean(1, keepdims=True)
    own, *others = _whitened(sample - centre, (sample - centre, within - centre, without - centre))
    gram = own @ own.mT
    diagonal = np.diagonal(gram, axis1=1, axis2=2)
    first, second = diagonal[:, :, None], diagonal[:, None, :]
    share, part = 1 / count, 1 / (count - 2)
    one, both, other = 1 - share - first, -share - gram, 1 - share - second
    determinant = one * other - both**2
    determinant[:, np.arange(count), np.arange(count)] = 1
    if not (determinant > 1e-12).all():
        raise _no_spread()
    shift_one, shift_other = part * (first + gram), part * (gram + second)
    shift = part * (shift_one + shift_other)
    distances = []
    for place, points in enumerate(others):
        cross = own @ points.mT
        mine, length = np.diagonal(cross, axis1=1, axis2=2), (points**2).sum(2)
        # Products with member i and member j of the sample, of the point i of in or j of out.
        if place == 0:
            with_one, with_other, size = mine[:, :, None], cross.mT, length[:, :, None]
        else:
            with_one, with_other, size = cross, mine[:, None, :], length[:, None, :]
        middle = size + 2 * part * (with_one + with_other) + shift
        left, right = with_one + shift_one, with_other + shift_other
        inner = (other * left**2 - 2 * both * left * right + one * right**2) / determinant
        distances.append((count - 3) * (middle + inner))
    return distances[0], distances[1]


def _whitened(centred: FloatArray, points: tuple[FloatArray, ...]) -> list[FloatArray]:
    """Return points in coordinates where the scatter of a centred sample is the identity."""
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    if not (values[:, -1] > 1e-9 * values[:, 0]).all():
        raise _no_spread()
    scale = directions.mT / values[:, None, :]
    return [point @ scale for point in points]


def _no_spread() -> ImprintError:
    return ImprintError(
        "the logits of the networks have no spread in some direction: no Gaussian fits them"
    )
