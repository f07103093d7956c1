"""What noisy copies of tests add to a criterion, and whether it matters where the noise is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.seeds import generator
from imprint.lenses.coverage.experiments.sensitivity_findings import NoiseGain
from imprint.stats.bootstrap import mean, mean_count
from imprint.stats.estimate import Estimate
from imprint.stats.holm import holm
from imprint.stats.permutation import paired_permutation


def compare_gains(
    value: float, mark: float | None, pairs: FloatArray, duplicates: float, seed: int
) -> NoiseGain:
    """Return what copies with noise on important and on random pixels add.

    Args:
        value: of the tests alone.
        mark: by how much one mark raises it.
        pairs: float64 ``[draws, 2]``, added by important and by random pixels, in marks where there
            are some.
        duplicates: added by the tests themselves.
        seed: of the resamples.
    """
    random = generator(seed, "noise gains")
    important, other = pairs[:, 0], pairs[:, 1]
    difference = _mean(important - other, mark, random)
    p = paired_permutation(important - other, random)
    added, added_elsewhere = (_mean(each, mark, random) for each in (important, other))
    return NoiseGain(value, mark, added, added_elsewhere, difference, p, p, duplicates)


def _mean(values: FloatArray, mark: float | None, random: np.random.Generator) -> Estimate:
    return mean(values, random) if mark is None else mean_count(values, random, 1.0)


def adjusted(gains: Mapping[str, NoiseGain]) -> dict[str, NoiseGain]:
    """Return gains whose p-values are adjusted for all criteria together."""
    if not gains:
        return {}
    values = holm(np.array([each.p for each in gains.values()])).tolist()
    return {
        name: NoiseGain(**{**vars(each), "adjusted": value})
        for (name, each), value in zip(gains.items(), values, strict=True)
    }
