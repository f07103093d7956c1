"""Drops of the accuracy of a network without neurons: leading ones beside random ones."""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.seeds import generator
from imprint.lenses.coverage.experiments.ablation_findings import (
    AblatedSet,
    ClassSpread,
    RandomDrop,
)
from imprint.stats.bootstrap import mean_share_difference
from imprint.stats.five_numbers import five_numbers


def compare_drops(
    count: int, whole: BoolArray, without: BoolArray, random: BoolArray, seed: int
) -> AblatedSet:
    """Return the drop without leading neurons beside those without random ones.

    Args:
        count: of neurons.
        whole: bool ``[n]``, which tests the whole network gets right.
        without: bool ``[n]``, which it gets right without the leading neurons.
        random: bool ``[draws, n]``, without random ones.
        seed: of the bootstrap.
    """
    drop = mean_share_difference(whole, without, generator(seed, "drop"))
    excess = mean_share_difference(random.mean(0), without, generator(seed, "excess"))
    return AblatedSet(
        count, drop, random_drop(whole, random), excess, share_as_costly(without, random)
    )


def share_as_costly(without: BoolArray, random: BoolArray) -> float:
    """Return the share of networks that get no more tests right, the first among them, in (0, 1].

    It is the p-value of neurons that were drawn as the random ones were.

    Args:
        without: bool ``[n]``, which tests one network gets right.
        random: bool ``[draws, n]``, which others get right.
    """
    # Of whole numbers: rounding of means would lose a quarter of all ties.
    as_costly = int((random.sum(1) <= without.sum()).sum())
    return (1 + as_costly) / (1 + len(random))


def random_drop(whole: BoolArray, random: BoolArray) -> RandomDrop:
    """Return mean and range of the drops without random neurons, bool ``[draws, n]``."""
    drops = whole.mean() - random.mean(1)
    low, high = np.quantile(drops, [0.025, 0.975])
    return RandomDrop(float(drops.mean()), float(low), float(high), five_numbers(drops))


def class_spread(
    labels: IntArray, whole: BoolArray, without: BoolArray, random: BoolArray
) -> ClassSpread:
    """Return how far the drop of the accuracy differs between the classes of the tests.

    Args:
        labels: int64 ``[n]``, classes of the tests.
        whole: bool ``[n]``, which tests the whole network gets right.
        without: bool ``[n]``, which it gets right without the leading neurons.
        random: bool ``[draws, n]``, without random ones.
    """
    classes = [labels == each for each in np.unique(labels)]
    leading = [whole[own].mean() - without[own].mean() for own in classes]
    others = [whole[own].mean() - random[:, own].mean(1) for own in classes]
    return ClassSpread(len(classes), five_numbers(leading), five_numbers(np.concatenate(others)))
