"""Inception score: how surely and how variedly a network classifies images.

exp of the mean Kullback–Leibler divergence of the classes that a network sees in each image from
those it sees in all, exp(H(E p) − E H(p)) (Salimans et al. 2016). The name is that of the network
in the paper; any classifier will do, and scores of two networks do not compare.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.errors import ImprintError
from imprint.stats.entropy import entropy


def inception_score(probabilities: ArrayLike) -> float:
    """Return the score, 1 where all images look alike to C where each class is seen surely.

    >>> inception_score([[1.0, 0.0], [0.0, 1.0]]), inception_score([[0.5, 0.5], [0.5, 0.5]])
    (2.0, 1.0)

    Args:
        probabilities: ``[n, C]``, of the classes of each image.

    Raises:
        ImprintError: no images, or no probabilities.
    """
    rows = np.asarray(probabilities, dtype=np.float64)
    if rows.ndim != 2 or not rows.size:
        raise ImprintError(
            f"an inception score is of probabilities [n, C] of at least one image, got shape "
            f"{list(rows.shape)}"
        )
    return float(np.exp(entropy(rows.mean(0)) - entropy(rows).mean()))
