"""Shadow models of a user's model: trained on random halves of the records, each answers all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.data.records.joined import joined_records
from imprint.nets.predictor.predictor import OutputKind
from imprint.observation.audited_model import AuditedModel
from imprint.observation.observe import BATCH
from imprint.probe.record_outputs import (
    SMALLEST_PROBABILITY,
    RecordSignals,
    error_scale,
    probability_floor,
    record_signals,
)
from imprint.study.step import Step
from imprint.study.tables import read_table, write_table


@dataclass(frozen=True, eq=False)
class ShadowSignals:
    """What shadow models say of attacked records, then of the population.

    Attributes:
        phi: float64 ``[K, N + Q]``.
        correct: bool ``[K, N + Q]``; None where it is not known when a model is right.
    """

    phi: FloatArray
    correct: BoolArray | None


@dataclass(frozen=True)
class TrainShadow(Step):
    """Train one shadow model, and keep what it says of every record.

    Attributes:
        model: under audit, whose trainer trains it.
        index: int64 ``[N]``, attacked records: rows of members, then of non-members behind them.
        population: int64 ``[Q]``, likewise.
        members: bool ``[N]``, the records it is trained on.
        seed: of the study.
        row: of the shadow model among all.
    """

    model: AuditedModel
    index: IntArray
    population: IntArray
    members: BoolArray
    seed: int
    row: int

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """``tables/shadows/ROW.parquet``."""
        return f"tables/shadows/{self.row:04d}.parquet"

    def build(self, path: Path) -> None:
        """Train, and write the table."""
        trainer = self.model.trainer
        assert trainer is not None
        everything = joined_records(self.model.members, self.model.non_members)
        own = everything.take(self.index[self.members])
        shadow = trainer.train(own, derive(self.seed, "shadow", self.row))
        asked = everything.take(np.concatenate([self.index, self.population]))
        outputs = []
        for start in range(0, len(asked), BATCH):
            rows = np.arange(start, min(start + BATCH, len(asked)))
            targets = None if asked.targets is None else asked.targets[rows]
            outputs.append(shadow.predict(asked.inputs.read(rows), targets))
        signals = self._signals(np.concatenate(outputs), asked.targets, shadow.kind, shadow.name)
        columns = {"index": np.concatenate([self.index, self.population]), "phi": signals.phi}
        if signals.correct is not None:
            columns["correct"] = signals.correct
        write_table(path, columns)

    def _signals(
        self,
        outputs: NDArray[Any],
        targets: NDArray[Any] | None,
        kind: OutputKind,
        name: str,
    ) -> RecordSignals:
        scale = None
        if self.model.task == "regression" and targets is not None:
            outside = slice(len(self.index), None)
            scale = error_scale(outputs[outside], targets[outside])
        floor = SMALLEST_PROBABILITY if kind != "probabilities" else probability_floor([outputs])
        return record_signals(outputs, targets, self.model.task, kind, name, scale, floor)


def read_shadows(files: Sequence[Path]) -> ShadowSignals:
    """Return what :class:`TrainShadow` wrote of all shadow models.

    Raises:
        ImprintError: a table is damaged.
    """
    tables = [read_table(file) for file in files]
    if len({len(table["phi"]) for table in tables}) > 1:
        raise ImprintError(f"tables in {files[0].parent} differ in length: delete it and run again")
    phi = np.stack([table["phi"].astype(np.float64) for table in tables])
    if any("correct" not in table for table in tables):
        return ShadowSignals(phi, None)
    return ShadowSignals(phi, np.stack([table["correct"].astype(bool) for table in tables]))
