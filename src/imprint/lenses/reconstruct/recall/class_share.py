"""Share of samples that an independent classifier gives the class of the original.

Per image i and encoder, the share of its samples that are classified right; D_i is that of the
target minus that of the reference. The estimate is the mean of D_i. With few images most D_i may be
0, where a bootstrap is too narrow and may have no width: see
:func:`imprint.stats.bootstrap.mean_share_difference`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.core.user_arrays import as_whole
from imprint.lenses.reconstruct.recall.paired import PairedRecall
from imprint.lenses.reconstruct.recall.quantities import CLASS_SHARE
from imprint.stats.bootstrap import mean_share, mean_share_difference
from imprint.stats.permutation import paired_permutation


def class_share(
    target: ArrayLike, reference: ArrayLike, labels: ArrayLike, seed: int = 0
) -> PairedRecall:
    """Return the share of samples with the original's class, target minus reference.

    Args:
        target: whole numbers ``[n, s]``, predicted class of each sample of each image, n ≥ 2.
        reference: whole numbers ``[n, r]``, of the same images.
        labels: whole numbers ``[n]``, class of each original.
        seed: of the bootstrap and of the exchanges.

    Raises:
        ImprintError: no such shape, fewer than two images, or not as many images in all three.
    """
    classes = as_whole(labels, "labels")
    if classes.ndim != 1 or len(classes) < 2:
        raise ImprintError(f"labels must be [images] of two or more, got {list(classes.shape)}")
    first = as_whole(target, "target predictions")
    second = as_whole(reference, "reference predictions")
    own = _share_right(first, classes, "target")
    other = _share_right(second, classes, "reference")
    return PairedRecall(
        CLASS_SHARE,
        mean_share(own, generator(seed, "recall share", "target")),
        mean_share(other, generator(seed, "recall share", "reference")),
        mean_share_difference(own, other, generator(seed, "recall share", "difference")),
        paired_permutation(own - other, generator(seed, "recall share", "exchanges")),
        (first.shape[1], second.shape[1]),
    )


def _share_right(predictions: ArrayLike, labels: ArrayLike, name: str) -> FloatArray:
    classes, truth = np.asarray(predictions), np.asarray(labels)
    if classes.ndim != 2 or classes.shape[1] == 0 or len(classes) != len(truth):
        raise ImprintError(
            f"{name} predictions must be [{len(truth)}, samples], one row a label, got "
            f"{list(classes.shape)}"
        )
    return np.asarray((classes == truth[:, None]).mean(axis=1))
