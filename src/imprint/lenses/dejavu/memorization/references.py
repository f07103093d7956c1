"""References: classifiers that name the object from the background, in place of a second model.

A reference g maps a background crop to a distribution over classes. It was never trained on that
crop, so what it gets right is correlation. Its distribution becomes a vote like that of a model's
neighbours: classes by probability, and as confidence minus the entropy in nats.

A single g may be weak, and what it misses would count as memorization (dejavu spec §10, T11). So
several are combined in two ways. ``combined`` is one more reference, the normalised geometric mean
of their distributions. ``strictest`` is their maximum: right where any of them is right, as
confident as the most confident. Chance hits add up in it, so it errs towards correlation: right for
claims about single images, wrong for the score of a population.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import entr, logsumexp

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.user_arrays import as_numbers
from imprint.lenses.dejavu.memorization.votes import ROWS_PER_TILE, ClassVotes

MIN_PROBABILITY = 1e-12
"""Stands in for a probability of 0: no reference is that confident."""
MAX_SUM_ERROR = 1e-3


def log_probabilities(probabilities: ArrayLike, name: str = "reference") -> FloatArray:
    """Return the logarithms of distributions over classes, in nats.

    Args:
        probabilities: ``[n, C]``, each row summing to 1.
        name: of the reference in messages.

    Returns:
        float64 ``[n, C]``; probabilities are clipped to at least 1e-12.

    Raises:
        ImprintError: another shape, a negative number, or a row that does not sum to 1.

    Examples:
        >>> log_probabilities([[0.5, 0.5]]).round(4).tolist()
        [[-0.6931, -0.6931]]
    """
    rows = as_numbers(probabilities, name)
    if rows.ndim != 2 or rows.shape[1] < 2:
        raise ImprintError(
            f"{name}: probabilities must be [n, classes], at least two classes, "
            f"got shape {list(rows.shape)}"
        )
    if not np.isfinite(rows).all() or (rows < 0).any():
        raise ImprintError(f"{name}: a probability is negative or not finite")
    wrong = np.flatnonzero(np.abs(rows.sum(axis=1) - 1) > MAX_SUM_ERROR)
    if len(wrong):
        raise ImprintError(
            f"{name}: the probabilities of row {wrong[0]} sum to {rows[wrong[0]].sum():.4g}: "
            "give distributions over the classes, not scores"
        )
    floored = np.maximum(rows, MIN_PROBABILITY)
    return np.asarray(np.log(floored / floored.sum(axis=1, keepdims=True)))


def tiles(count: int) -> Iterator[slice]:
    """Yield slices of rows, one tile each."""
    for start in range(0, count, ROWS_PER_TILE):
        yield slice(start, start + ROWS_PER_TILE)


def reference_votes(log_probabilities: FloatArray, top: int = 5) -> ClassVotes:
    """Return the distributions of a reference as votes.

    >>> votes = reference_votes(np.log([[0.7, 0.2, 0.1]]), top=2)
    >>> votes.ranked.tolist(), votes.confidence.round(3).tolist()
    ([[0, 1]], [-0.802])

    Args:
        log_probabilities: ``[n, C]``, normalised, in nats; −∞ is a probability of 0.
        top: how many classes to rank; equal probabilities: the lower class first.

    Returns:
        Votes whose confidence is −H_g in [−ln C, 0].
    """
    count, classes = log_probabilities.shape
    ranked = np.empty((count, min(top, classes)), dtype=np.int64)
    confidence = np.empty(count)
    for tile in tiles(count):
        rows = log_probabilities[tile].astype(np.float64)
        ranked[tile] = np.argsort(-rows, axis=1, kind="stable")[:, :top]
        confidence[tile] = np.minimum(-entr(np.exp(rows)).sum(axis=1), 0.0)
    return ClassVotes(ranked, confidence)


def combine(references: Sequence[FloatArray]) -> FloatArray:
    """Return the normalised geometric mean of distributions, ``[n, C]`` log-probabilities.

    Raises:
        ImprintError: no reference, or references of different shapes.
    """
    shapes = {reference.shape for reference in references}
    if len(shapes) != 1:
        raise ImprintError(
            "references can be combined when they are of the same crops and classes, got shapes "
            + (", ".join(str(list(shape)) for shape in sorted(shapes)) or "of none")
        )
    mean = np.empty_like(references[0])
    for tile in tiles(len(mean)):
        rows = np.mean([reference[tile] for reference in references], axis=0, dtype=np.float64)
        mean[tile] = rows - logsumexp(rows, axis=1, keepdims=True)
    return mean


def strictest(references: Sequence[ClassVotes], labels: IntArray) -> ClassVotes:
    """Return the maximum of references: memorization is what none of them explains.

    For each image the votes are those of the reference that ranks its class highest, of equal ones
    the most confident; the confidence is the largest of any reference. So an image counts as
    explained, at every ``top``, as soon as one reference has its class there.

    Args:
        references: of the same images, each ranking as many classes.
        labels: int64 ``[n]``, true classes.
    """
    confidences = np.stack([votes.confidence for votes in references])
    hits = np.stack([votes.ranked == labels[:, None] for votes in references])
    depth = hits.shape[2]
    place = np.where(hits.any(axis=2), hits.argmax(axis=2), depth)
    # Most confident first among equal places: one sort key, place before confidence.
    best = np.lexsort((-confidences, place), axis=0)[0]
    ranked = np.stack([votes.ranked for votes in references])
    return ClassVotes(ranked[best, np.arange(len(labels))], confidences.max(axis=0))
