"""Mean cosine similarity of samples to their originals, on features of a named network.

Per image i and encoder, the mean cosine of its samples with the original; D_i is that of the target
less that of the reference. The estimate is the mean of D_i, its interval that of
:func:`imprint.stats.studentised.studentised_mean`: a few images that are recalled make D_i skewed.
Where none of a few recalled images is in the sample it ends below the true mean, so it errs towards
no claim.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.core.user_arrays import as_numbers
from imprint.lenses.reconstruct.recall.paired import PairedRecall
from imprint.lenses.reconstruct.recall.quantities import SIMILARITY
from imprint.stats.permutation import paired_permutation
from imprint.stats.studentised import studentised_mean


def mean_similarity(
    target: ArrayLike, reference: ArrayLike, originals: ArrayLike, seed: int = 0
) -> PairedRecall:
    """Return the mean cosine of samples with their original, target minus reference.

    Args:
        target: ``[n, s, d]``, features of each sample of each image, n ≥ 2.
        reference: ``[n, r, d]``, of the same images.
        originals: ``[n, d]``, features of the originals, of the same network and layer.
        seed: of the bootstrap and of the exchanges.

    Raises:
        ImprintError: no such shape, fewer than two images, a value that is not finite, or a zero
            vector, which has no direction.
    """
    truth = directions(originals, "originals", 2)
    first = directions(target, "target samples", 3)
    second = directions(reference, "reference samples", 3)
    own = _mean_cosine(first, truth, "target")
    other = _mean_cosine(second, truth, "reference")
    return PairedRecall(
        SIMILARITY,
        studentised_mean(own, generator(seed, "recall similarity", "target")),
        studentised_mean(other, generator(seed, "recall similarity", "reference")),
        studentised_mean(own - other, generator(seed, "recall similarity", "difference")),
        paired_permutation(own - other, generator(seed, "recall similarity", "exchanges")),
        (first.shape[1], second.shape[1]),
    )


def directions(values: ArrayLike, name: str, axes: int) -> FloatArray:
    """Return vectors scaled to length 1, float64.

    Args:
        values: features, ``[n, d]`` or ``[n, s, d]``, n ≥ 2.
        name: of the images, for messages.
        axes: 2 or 3.

    Raises:
        ImprintError: no such shape, a value that is not finite, or a zero vector.
    """
    vectors = as_numbers(values, f"features of {name}")
    shape = "[images, features]" if axes == 2 else "[images, samples, features]"
    if vectors.ndim != axes or len(vectors) < 2 or vectors.size == 0:
        raise ImprintError(
            f"features of {name} must be {shape} of two or more images, got {list(vectors.shape)}"
        )
    largest = np.abs(vectors).max(axis=-1, keepdims=True)
    usable = np.isfinite(largest) & (largest > 0)
    if not usable.all():
        row = int(np.argwhere(~usable)[0, 0])
        raise ImprintError(
            f"features of {name} are all 0 or not finite at image {row}: check the network that "
            "made them"
        )
    scaled = vectors / largest
    return np.asarray(scaled / np.linalg.norm(scaled, axis=-1, keepdims=True))


def _mean_cosine(samples: FloatArray, originals: FloatArray, name: str) -> FloatArray:
    if len(samples) != len(originals) or samples.shape[2] != originals.shape[1]:
        raise ImprintError(
            f"features of {name} samples are {list(samples.shape)} and those of originals "
            f"{list(originals.shape)}: images and features must agree"
        )
    return np.asarray(np.einsum("nsd,nd->n", samples, originals) / samples.shape[1])
