"""How far references agree on which backgrounds reveal their object.

Two references agree on an image when both name its class or neither does. Cohen's κ takes off what
two independent ones of the same accuracies would agree on by chance:

    κ = (a − e) / (1 − e),    a the share agreed on, e = r₁ r₂ + (1 − r₁)(1 − r₂)

with r the accuracies. It has no value where e = 1, that is where both are always right or both
always wrong (or one each, where nothing but the margins is left: e = 0 and κ = 0).

Cohen, "A coefficient of agreement for nominal scales", 1960.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.lenses.dejavu.findings import ReferenceAgreement
from imprint.lenses.dejavu.memorization.votes import ClassVotes
from imprint.stats.bootstrap import DRAWS, percentile_interval
from imprint.stats.estimate import Estimate
from imprint.stats.proportion import proportion

NO_KAPPA = "both are always right or both always wrong, so chance explains all agreement"


def agreement(
    references: Mapping[str, ClassVotes], labels: IntArray, top: int = 1, seed: int = 0
) -> tuple[ReferenceAgreement, ...]:
    """Return how far each pair of references agrees.

    Args:
        references: votes by name, of the same images.
        labels: int64 ``[n]``, true classes.
        top: a guess is right when the label is among this many classes.
        seed: of the bootstrap.
    """
    return tuple(
        _agreement_of_pair(
            (first, references[first]), (second, references[second]), labels, top, seed
        )
        for first, second in combinations(references, 2)
    )


def _agreement_of_pair(
    first: tuple[str, ClassVotes],
    second: tuple[str, ClassVotes],
    labels: IntArray,
    top: int,
    seed: int,
) -> ReferenceAgreement:
    hits = [votes.hits(labels, top) for _, votes in (first, second)]
    cells = np.bincount(2 * hits[0] + hits[1], minlength=4)
    same = first[1].ranked[:, 0] == second[1].ranked[:, 0]
    return ReferenceAgreement(
        first=first[0],
        second=second[0],
        agreed=proportion(int(cells[0] + cells[3]), len(labels)),
        both_right=proportion(int(cells[3]), len(labels)),
        same_guess=proportion(int(same.sum()), len(labels)),
        kappa=_kappa_estimate(cells, seed),
    )


def _kappa_estimate(cells: IntArray, seed: int) -> Estimate | Missing:
    value = float(kappa(cells[None])[0])
    if np.isnan(value):
        return Missing(NO_KAPPA)
    random = generator(seed, "agreement of references")
    # Jeffreys' posterior of the four shares: an empty cell of a resample would stay empty.
    drawn = kappa(random.dirichlet(cells + 0.5, DRAWS))
    low, high = percentile_interval(drawn[~np.isnan(drawn)])
    return Estimate(value, (min(low, value), max(high, value)), int(cells.sum()))


def kappa(cells: IntArray | FloatArray) -> FloatArray:
    """Return Cohen's κ of tables of counts, NaN where it has no value.

    >>> kappa(np.array([[40, 10, 10, 40], [0, 0, 0, 5]])).round(9).tolist()
    [0.6, nan]

    Args:
        cells: ``[t, 4]``, counts or shares: both wrong, only the second right, only the first,
            both right.
    """
    shares = cells / cells.sum(axis=1, keepdims=True)
    agreed = shares[:, 0] + shares[:, 3]
    first, second = shares[:, 2] + shares[:, 3], shares[:, 1] + shares[:, 3]
    chance = first * second + (1 - first) * (1 - second)
    empty = np.full(len(cells), np.nan)
    return np.asarray(np.divide(agreed - chance, 1 - chance, out=empty, where=chance < 1 - 1e-12))
