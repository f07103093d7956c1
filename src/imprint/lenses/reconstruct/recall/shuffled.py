"""What samples have in common with images that they are not of: chance, without shuffling.

Instead of one random assignment of originals to samples, the mean over all other originals is
taken, so nothing is drawn: per image i, of the n − 1 others,

share_i = mean_s #{j ≠ i: label_j = prediction_is} / (n − 1)
cosine_i = mean_s mean_{j≠i} cos(sample_is, original_j)
"""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray, IntArray


def shuffled_share(classes: IntArray, labels: IntArray) -> FloatArray:
    """Return the share of samples with the class of another image, float64 ``[n]``.

    Args:
        classes: int64 ``[n, s]``, predicted class of each sample, n ≥ 2.
        labels: int64 ``[n]``, class of each original, at least 0.
    """
    known = np.bincount(labels, minlength=int(max(classes.max(), labels.max())) + 1)
    others = known[classes] - (classes == labels[:, None])
    return np.asarray(others.mean(axis=1) / (len(labels) - 1))


def shuffled_similarity(samples: FloatArray, originals: FloatArray) -> FloatArray:
    """Return the mean cosine of samples with the originals of other images, float64 ``[n]``.

    Args:
        samples: float64 ``[n, s, d]`` of length 1, n ≥ 2.
        originals: float64 ``[n, d]`` of length 1.
    """
    means = samples.mean(axis=1)
    total = means @ originals.sum(axis=0)
    return np.asarray((total - np.einsum("nd,nd->n", means, originals)) / (len(originals) - 1))
