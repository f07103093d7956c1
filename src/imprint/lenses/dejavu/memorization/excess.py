"""The score on members beyond the score on non-members: the strength of the reference cancels."""

from __future__ import annotations

from math import hypot

import numpy as np

from imprint.core.seeds import generator
from imprint.lenses.dejavu.memorization.two_model import CATEGORIES, Side, categories
from imprint.stats.bootstrap import DRAWS, bootstrap_means, percentile_interval
from imprint.stats.estimate import Estimate
from imprint.stats.proportion import widen_rare_difference


def excess(
    members: Side, non_members: Side, top: int = 1, seed: int = 0, draws: int = DRAWS
) -> Estimate:
    """Return the score on members less the score on non-members.

    A reference that is stronger or weaker than a second model shifts both scores alike.

    Args:
        members: the model against a reference on images it was trained on.
        non_members: the same on images of the same kind that it was not trained on.
        top: as in the test.
        seed: of the bootstrap.
        draws: resamples of either set.
    """
    (gain, (low, high)), (bias, (bias_low, bias_high)) = (
        _gain(side, top, generator(seed, "one-model excess", side.name), draws)
        for side in (members, non_members)
    )
    value = gain - bias
    # Independent sets: distances to the limits add in squares (Zou and Donner 2008).
    interval = (
        value - hypot(gain - low, bias_high - bias),
        value + hypot(high - gain, bias - bias_low),
    )
    return Estimate(value, interval, len(members.index) + len(non_members.index))


def _gain(
    side: Side, top: int, random: np.random.Generator, draws: int
) -> tuple[float, tuple[float, float]]:
    """Return memorized minus forgotten, and its interval over images."""
    kinds = categories(side, top).astype(np.float64)
    memorized, forgotten = (kinds[:, CATEGORIES.index(name)] for name in ("memorized", "forgotten"))
    count = len(side.index)
    drawn = bootstrap_means((memorized - forgotten)[:, None], random, draws)[:, 0]
    interval = widen_rare_difference(
        percentile_interval(drawn, count=count),
        float(memorized.mean()),
        float(forgotten.mean()),
        (count, count),
    )
    return float((memorized - forgotten).mean()), interval
