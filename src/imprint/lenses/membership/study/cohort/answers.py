"""What the models of a cohort say, and who was trained on what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.lenses.membership.cohort.references import Cohort
from imprint.lenses.membership.study.records import Pool
from imprint.lenses.membership.study.signals import ModelSignals, make_evidence


@dataclass(frozen=True)
class CohortAnswers:
    """What the models of a cohort say, and who was trained on what.

    Attributes:
        models: answers of each.
        untrained: of a network that learnt nothing; None runs no controls.
        masks: bool ``[K, N]``.
        pool: records and population.
        labels: int64, of the whole set.
        queries: answers of a network one view of a record costs, by kind of signal.
    """

    models: Sequence[ModelSignals]
    untrained: ModelSignals | None
    masks: BoolArray
    pool: Pool
    labels: IntArray
    queries: Mapping[str, int]

    def cohort(self) -> Cohort:
        """Return the models as references of one another."""
        references = make_evidence(self.models[0], self.models, self.masks).references
        assert references is not None
        return references.cohort

    def others(self) -> dict[str, FloatArray]:
        """Return the signals that only a target's own answers have, float64 ``[K, A, N]``."""
        kinds = set(self.models[0].target) - {"phi", "log_curvature"}
        return {
            kind: np.stack([model.target[kind] for model in self.models]) for kind in sorted(kinds)
        }

    def correct(self) -> BoolArray:
        """Return which records each model gets right, ``[K, N]``."""
        return np.stack([model.correct for model in self.models])

    def population_correct(self) -> BoolArray:
        """Return which population records each model gets right, ``[K, Q]``."""
        return np.stack([model.population_correct for model in self.models])
