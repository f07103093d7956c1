"""Naive Bayes on tags: the class that the words for a background suggest.

With n(o, c) the number of crops of class c that have the tag o, n_c the number of crops of class c
and V tags in all, the multinomial model with Laplace smoothing α is

    P(o | c) = (n(o, c) + α) / (Σ_o n(o, c) + α V),    P(c) = n_c / Σ n_c
    ln P(c | T) = ln P(c) + Σ_{o ∈ T} ln P(o | c) − ln Z

for the set T of a crop's tags. Over the V tags P(o | c) sums to 1, which is what the denominator
is for. All crops at once are one product of a sparse matrix, crops × tags, with a dense one, tags
× classes: O(tags of all crops × C).

``published_scores`` is the form of the released code: Π_{o ∈ T} n(o, c) / n(o), that is
Π P(c | o) without the division by P(c)^(|T| − 1) that Bayes' rule asks for, not normalised over
classes; the same order of classes where all have equally many crops and nothing is smoothed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import logsumexp

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.data.tags.annotation import Tags
from imprint.lenses.dejavu.memorization.references import MIN_PROBABILITY, tiles

PUBLISHED_SMOOTHING = 1e-10


@dataclass(frozen=True)
class NaiveBayes:
    """A fitted model.

    Attributes:
        vocabulary: the V tags it was fitted on.
        log_prior: float64 ``[C]``, ln P(c); ln 1e-12 for a class without crops, so that every
            posterior has an entropy.
        log_likelihood: float64 ``[V, C]``, ln P(o | c).
    """

    vocabulary: tuple[str, ...]
    log_prior: FloatArray
    log_likelihood: FloatArray

    def log_posterior(self, tags: Tags) -> NDArray[np.float32]:
        """Return ln P(c | T) of every crop, float32 ``[n, C]``; the prior where it has no tag.

        Raises:
            ImprintError: tags of another vocabulary.
        """
        check_vocabulary(tags, self.vocabulary)
        posterior = tag_matrix(tags) @ self.log_likelihood.astype(np.float32)
        for tile in tiles(len(posterior)):
            rows = posterior[tile] + self.log_prior
            posterior[tile] = rows - logsumexp(rows, axis=1, keepdims=True)
        return np.asarray(posterior)


def tag_counts(tags: Tags, labels: IntArray, classes: int) -> IntArray:
    """Return n(o, c), in how many crops of each class each tag is, int64 ``[V, C]``.

    Raises:
        ImprintError: not one label per crop, or a label outside [0, C).
    """
    if labels.shape != (len(tags),):
        raise ImprintError(f"tags of {len(tags)} crops need as many labels, got {len(labels)}")
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise ImprintError(
            f"labels run from {labels.min()} to {labels.max()}: they must lie in 0…{classes - 1}"
        )
    cells = tags.tags * classes + labels[tags.image_of_tag]
    return np.bincount(cells, minlength=len(tags.vocabulary) * classes).reshape(-1, classes)


def fit_naive_bayes(
    vocabulary: tuple[str, ...], counts: IntArray, crops: IntArray, smoothing: float = 1.0
) -> NaiveBayes:
    """Return the model fitted to counts.

    >>> model = fit_naive_bayes(("sea", "sky"), np.array([[3, 0], [1, 2]]), np.array([3, 1]))
    >>> np.exp(model.log_likelihood).round(3).tolist()
    [[0.667, 0.25], [0.333, 0.75]]

    Args:
        vocabulary: the V tags.
        counts: int64 ``[V, C]``, n(o, c).
        crops: int64 ``[C]``, n_c, crops of each class, with and without tags.
        smoothing: α > 0, added to every count.

    Raises:
        ImprintError: α is not above 0, there is no crop, or shapes do not fit.
    """
    if not smoothing > 0:
        raise ImprintError(f"smoothing is {smoothing}: choose a number above 0, such as 1")
    if counts.shape != (len(vocabulary), len(crops)) or not crops.sum() > 0:
        raise ImprintError(
            f"counts of {len(vocabulary)} tags in {len(crops)} classes have shape "
            f"{list(counts.shape)}, of {int(crops.sum())} crops: give counts [tags, classes] of "
            "at least one crop"
        )
    totals = counts.sum(axis=0) + smoothing * len(vocabulary)
    log_prior = np.log(np.maximum(crops / crops.sum(), MIN_PROBABILITY))
    return NaiveBayes(vocabulary, log_prior, np.log(counts + smoothing) - np.log(totals))


def published_scores(
    tags: Tags, counts: IntArray, laplace: bool = False, alpha: float = 1.0
) -> FloatArray:
    """Return the logarithm of the released code's score, float64 ``[n, C]``; not a posterior.

    Args:
        tags: of n crops.
        counts: int64 ``[V, C]``, n(o, c).
        laplace: take (n(o, c) + α) / (n(o) + α · |T|), |T| the most tags of any crop, for
            n(o, c) / n(o). (The denominator that sums to 1 has C in the place of |T|.)
        alpha: α.

    Returns:
        Without ``laplace`` a count of 0 is taken for 1e-10, and a tag that was never counted
        leaves the score as it is. A crop without tags has −∞ everywhere.
    """
    totals = counts.sum(axis=1, keepdims=True)
    most = int(np.diff(tags.offsets).max(initial=0))
    if laplace:
        ratios = (counts + alpha) / (totals + alpha * most)
    else:
        smoothed = np.where(counts > 0, counts, PUBLISHED_SMOOTHING)
        ratios = np.where(totals > 0, smoothed / np.maximum(totals, 1), 1.0)
    scores = tag_matrix(tags) @ np.log(ratios)
    scores[np.diff(tags.offsets) == 0] = -np.inf
    return np.asarray(scores)


def published_guesses(scores: FloatArray) -> IntArray:
    """Return the class of the highest score, of equal ones the last, int64 ``[n]``."""
    return np.asarray(scores.shape[1] - 1 - scores[:, ::-1].argmax(axis=1))


def tag_matrix(tags: Tags) -> Any:
    """Return which crop has which tag as a sparse matrix, float32 ``[n, V]``."""
    shape = (len(tags), len(tags.vocabulary))
    ones = np.ones(len(tags.tags), dtype=np.float32)
    return csr_array((ones, tags.tags, tags.offsets), shape=shape)


def check_vocabulary(tags: Tags, vocabulary: tuple[str, ...]) -> None:
    """Refuse tags of another vocabulary than a model was fitted on.

    Raises:
        ImprintError: they are.
    """
    if tags.vocabulary != vocabulary:
        raise ImprintError(
            f"the tags are of a vocabulary of {len(tags.vocabulary)}, but those of the model of "
            f"{len(vocabulary)}: annotate both with the same annotator"
        )
