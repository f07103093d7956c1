"""Negative controls: tests with nothing to find, run beside every audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.seeds import generator
from imprint.lenses.dejavu.memorization.two_model import Side, two_model
from imprint.lenses.dejavu.memorization.votes import vote
from imprint.stats.bootstrap import percentile_interval
from imprint.stats.control import Control
from imprint.stats.estimate import Estimate

PERMUTATIONS = 100


def untrained_models(sides: Sequence[Side], top: int = 1, seed: int = 0) -> Control:
    """Return the control on two untrained networks: a score of 0.

    Args:
        sides: both directions of the test under untrained networks.
        top: as in the test.
        seed: of the bootstrap.
    """
    return Control(
        "Two untrained networks in place of the two encoders: the score must be 0.",
        two_model(sides, (100,), top, seed)["100"].score,
        expected=0.0,
    )


def identical_models(sides: Sequence[Side], top: int = 1, seed: int = 0) -> Control:
    """Return the control on a target compared with itself: a score of exactly 0."""
    same = [replace(side, reference=side.target) for side in sides]
    score = two_model(same, (100,), top, seed)["100"].score
    return Control(
        "The target model as its own reference: the score must be exactly 0.",
        Estimate(score.value, (score.value, score.value), score.n),
        expected=0.0,
    )


def permuted_labels(
    neighbours: IntArray, all_labels: IntArray, labels: IntArray, classes: int, seed: int = 0
) -> Control:
    """Return the control on shuffled labels of the public images: accuracy at chance.

    Chance is what guesses of these classes would get on labels of these classes, were the two
    independent: Σ_c P(guess = c) · P(label = c), averaged over the shuffles. The interval holds
    95 % of the shuffles' accuracies.

    Args:
        neighbours: int64 ``[n, k]``, global indices of public images that the targets find.
        all_labels: int64, classes by global index.
        labels: int64 ``[n]``, true classes.
        classes: number of classes C.
        seed: of the shuffles.
    """
    random = generator(seed, "permuted public labels")
    public, rows = np.unique(neighbours, return_inverse=True)
    rows = rows.reshape(neighbours.shape)
    truth = np.bincount(labels, minlength=classes) / len(labels)
    accuracies, chances = np.empty(PERMUTATIONS), np.empty(PERMUTATIONS)
    for draw in range(PERMUTATIONS):
        shuffled = random.permutation(all_labels[public])
        guesses = vote(shuffled[rows], classes, top=1).ranked[:, 0]
        accuracies[draw] = np.mean(guesses == labels)
        chances[draw] = np.bincount(guesses, minlength=classes) @ truth / len(guesses)
    return Control(
        "Labels of the public images shuffled: the target's accuracy must be at chance.",
        Estimate(float(accuracies.mean()), percentile_interval(accuracies), len(labels)),
        expected=float(chances.mean()),
    )
