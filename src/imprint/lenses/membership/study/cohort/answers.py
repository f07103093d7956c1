"""Signals of the models of a cohort, and which model was trained on which record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.missing import Missing
from imprint.lenses.membership.cohort.references import Cohort
from imprint.lenses.membership.cohort_findings import CohortAccuracy
from imprint.lenses.membership.study.model_signals import ModelSignals, make_evidence, read_signals
from imprint.lenses.membership.study.models import UNTRAINED
from imprint.lenses.membership.study.records import RecordPool
from imprint.study.counted import uncounted
from imprint.study.store import Study
from imprint.train.cohort.masks import MASKS


@dataclass(frozen=True)
class CohortAnswers:
    """Signals of the models of a cohort, and which model was trained on which record.

    Attributes:
        models: answers of each.
        untrained: of an untrained network; None runs no controls.
        masks: bool ``[K, N]``.
        pool: records and population.
        labels: int64, of the whole set.
    """

    models: Sequence[ModelSignals]
    untrained: ModelSignals | None
    masks: BoolArray
    pool: RecordPool
    labels: IntArray

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

    def curvature(self) -> FloatArray | None:
        """Return the logarithm of the curvature of each model, ``[K, N]``; None if not measured."""
        if "log_curvature" not in self.models[0].target:
            return None
        return np.stack([model.target["log_curvature"][0] for model in self.models])

    def accuracy(self) -> CohortAccuracy:
        """Return the share that models get right of their members, of others, of the population."""
        correct, apart = self.correct(), self.population_correct()
        return CohortAccuracy(
            float(correct[self.masks].mean()),
            float(correct[~self.masks].mean()),
            float(apart.mean()) if apart.size else Missing("there is none"),
        )


@dataclass(frozen=True, eq=False)
class CohortTables:
    """Where the signals of the models of a cohort are stored, and their training records.

    Attributes:
        pool: records and population.
        masks: bool ``[K, N]``.
        labels: int64, of the whole set.
        tables: artefacts of the signals of each model by its name, those of an untrained network
            among them or not.
        study: holds them.
        folder: of masks and models within the study; empty for the study itself.
    """

    pool: RecordPool
    masks: BoolArray
    labels: IntArray
    tables: Mapping[str, tuple[str, ...]] = uncounted()
    study: Study = uncounted()
    folder: str = uncounted(default="")

    @property
    def artefacts(self) -> tuple[str, ...]:
        """Every table of signals, and the masks, as inputs of a step of the study."""
        names = (*(name for names in self.tables.values() for name in names), MASKS)
        return tuple(f"{self.folder}/{name}" if self.folder else name for name in names)

    def read(self) -> CohortAnswers:
        """Return what the tables hold."""
        study = Study(self.study.path(self.folder))
        answers = {
            name: read_signals(study, names, self.pool) for name, names in self.tables.items()
        }
        untrained = answers.pop(UNTRAINED, None)
        models = list(answers.values())
        return CohortAnswers(models, untrained, self.masks, self.pool, self.labels)
