"""Test sets whose predictions are spread more or less evenly, and what criteria say of them.

How even the predictions of a network on a set are is Pielou's J = H / ln C, with the entropy H of
the predicted classes in nats and C the classes of the network, seen or not (Pielou 1966; published
code divides by the logarithm of the classes that occur, so that two of ten classes at one half each
had J = 1). Sets of one size have class mixes from Dirichlet distributions: with a small α one class
fills a set, with a large one all have their share. Over sets of different sizes a correlation of
coverage with J would measure size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import entr

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.core.seeds import generator
from imprint.lenses.coverage.criterion.criterion import Criterion
from imprint.neurons.activations import ActivationTable

ALPHAS = (0.05, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Concentrations of the class mixes, in turn."""
BATCH = 1024


@dataclass(frozen=True, eq=False)
class MixedSets:
    """Test sets of different class mixes, and what was measured on them.

    Attributes:
        sizes: int64 ``[s]``, tests of each set.
        alphas: float64 ``[s]``, concentration of its class mix.
        impartiality: float64 ``[s]``, Pielou's J in [0, 1].
        coverage: float64 ``[s]`` by criterion.
    """

    sizes: IntArray
    alphas: FloatArray
    impartiality: FloatArray
    coverage: Mapping[str, FloatArray]


def pielou(predictions: IntArray, classes: int) -> float:
    """Return Pielou's J of predicted classes, in [0, 1].

    >>> pielou(np.array([0, 0, 1, 1]), 4)
    0.5

    Args:
        predictions: int64 ``[n]``, n ≥ 1, from 0 to ``classes`` − 1.
        classes: of the network, at least 2.
    """
    shares = np.bincount(predictions, minlength=classes) / len(predictions)
    return float(entr(shares).sum() / math.log(classes))


def draw_mixed(labels: IntArray, size: int, alpha: float, random: np.random.Generator) -> IntArray:
    """Return rows of a set of a class mix from a Dirichlet distribution, int64 ``[size]``.

    A class that has too few inputs gives all of them, and the others fill the set in proportion.

    Args:
        labels: int64 ``[n]``, classes of the inputs.
        size: of the set, at most n.
        alpha: concentration, the same for every class.
        random: generator.
    """
    names, positions = np.unique(labels, return_inverse=True)
    available = np.bincount(positions)
    # A small shape underflows to zeros for all classes: Dirichlet by the logarithms of its gammas.
    logs = np.log(random.gamma(alpha + 1, size=len(names)))
    logs += np.log(random.uniform(size=len(names))) / alpha
    mix = np.exp(logs - logs.max())
    counts = np.zeros(len(names), dtype=np.int64)
    while counts.sum() < size:
        room = available > counts
        weights = np.where(room, np.maximum(mix, np.finfo(float).tiny), 0.0)
        drawn = random.multinomial(size - counts.sum(), weights / weights.sum())
        counts = np.minimum(counts + drawn, available)
    rows = [
        random.permutation(np.flatnonzero(positions == each))[:count]
        for each, count in enumerate(counts)
    ]
    return np.sort(np.concatenate(rows))


def measure_mixed_sets(
    criteria: Mapping[str, Criterion],
    tests: ActivationTable,
    classes: int,
    sizes: Sequence[int],
    sets: int,
    seed: int,
) -> MixedSets:
    """Return coverage and impartiality of sets of each size.

    Args:
        criteria: fitted; they stay as they are.
        tests: with labels and predictions.
        classes: of the network.
        sizes: tests of a set.
        sets: of each size.
        seed: of the draws.

    Raises:
        ImprintError: labels or predictions are not known, or a size exceeds the tests.
    """
    if tests.labels is None or tests.predictions is None:
        raise ImprintError(
            "class mixes need the classes of the tests and the network's predictions"
        )
    if max(sizes) > len(tests):
        raise ImprintError(
            f"--sizes {max(sizes)} is more than the {len(tests)} tests: give smaller sets"
        )
    plan = [(size, ALPHAS[row % len(ALPHAS)], row) for size in sizes for row in range(sets)]
    values: dict[str, list[float]] = {name: [] for name in criteria}
    evenness = []
    for size, alpha, row in track(plan, "mixed sets", len(plan), "set"):
        rows = draw_mixed(tests.labels, size, alpha, generator(seed, "mixed sets", size, row))
        evenness.append(pielou(tests.predictions[rows], classes))
        states = {name: criterion.fresh() for name, criterion in criteria.items()}
        for start in range(0, size, BATCH):
            batch = tests.batch(rows[start : start + BATCH])
            for state in states.values():
                state.update(batch)
        for name, state in states.items():
            values[name].append(state.value())
    return MixedSets(
        np.array([size for size, _, _ in plan], dtype=np.int64),
        np.array([alpha for _, alpha, _ in plan]),
        np.array(evenness),
        {name: np.array(each) for name, each in values.items()},
    )
