"""What the models of a cohort say, and who was trained on what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.missing import Missing
from imprint.lenses.membership.cohort.references import Cohort
from imprint.lenses.membership.cohort_findings import CohortAccuracy
from imprint.lenses.membership.study.models import UNTRAINED
from imprint.lenses.membership.study.records import Pool
from imprint.lenses.membership.study.signals import ModelSignals, make_evidence, read_signals
from imprint.study.store import Study


@dataclass(frozen=True)
class CohortAnswers:
    """What the models of a cohort say, and who was trained on what.

    Attributes:
        models: answers of each.
        untrained: of an untrained network; None runs no controls.
        masks: bool ``[K, N]``.
        pool: records and population.
        labels: int64, of the whole set.
        queries: model calls one view of a record costs, by kind of signal.
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

    def accuracy(self) -> CohortAccuracy:
        """Return the share that models get right of their members, of others, of the population."""
        correct, apart = self.correct(), self.population_correct()
        return CohortAccuracy(
            float(correct[self.masks].mean()),
            float(correct[~self.masks].mean()),
            float(apart.mean()) if apart.size else Missing("there is none"),
        )


def read_cohort(
    study: Study,
    tables: Mapping[str, tuple[str, ...]],
    masks: BoolArray,
    pool: Pool,
    labels: IntArray,
    queries: Mapping[str, int],
) -> CohortAnswers:
    """Return what the tables of signals hold.

    ``tables`` are names by model, as from
    :func:`imprint.lenses.membership.study.signals.take_all_signals`, of an untrained network among
    them or not; other arguments as :class:`CohortAnswers`.
    """
    answers = {name: read_signals(study, names, pool) for name, names in tables.items()}
    untrained = answers.pop(UNTRAINED, None)
    return CohortAnswers(list(answers.values()), untrained, masks, pool, labels, queries)
