"""What OUT reference models say of records and of population records alike, as regressors."""

from __future__ import annotations

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.attack_kit.attack import Evidence


def out_features(
    evidence: Evidence, kind: str, sign: float
) -> tuple[FloatArray, FloatArray] | None:
    """Return mean and deviation under OUT models, ``[N, 2]`` of records and ``[Q, 2]``.

    For candidates the references are their OUT models, as those of a population record are.
    None where there are no OUT models or no population records under them.

    Args:
        evidence: of the target.
        kind: of signal, of which the plain record's is taken.
        sign: that the signal is multiplied by.
    """
    references = evidence.references
    if references is None or not references.counts[0].any():
        return None
    signals = references.population(kind)
    if signals is None or len(signals) == 0:
        return None
    outside, _ = references.moments(kind)
    records = np.stack([sign * outside.mean[0], np.sqrt(outside.variance[0])], axis=1)
    plain = sign * signals[:, 0]
    return records, np.stack([plain.mean(axis=0), plain.std(axis=0)], axis=1)
