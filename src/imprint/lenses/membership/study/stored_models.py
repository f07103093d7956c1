"""The signals of many models, left in their tables where they would not fit into memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

from imprint.lenses.membership.cohort.stored_signals import SignalArray, StoredSignals
from imprint.lenses.membership.study.model_signals import ModelSignals, read_kind, read_signals
from imprint.lenses.membership.study.records import RecordPool
from imprint.study.store import Study

IN_MEMORY_VALUES = 1 << 27
"""Signals of all models, of one kind and view, up to which they are held: 1 GiB as float64."""


@dataclass(frozen=True)
class StoredModels(Sequence[ModelSignals]):
    """The signals of some models, each read from its tables whenever it is asked for.

    Attributes:
        study: holds the tables.
        tables: artefacts of each model.
        records: of the tables.
    """

    study: Study
    tables: tuple[tuple[str, ...], ...]
    records: RecordPool

    def __len__(self) -> int:
        return len(self.tables)

    @overload
    def __getitem__(self, models: int) -> ModelSignals: ...
    @overload
    def __getitem__(self, models: slice) -> Sequence[ModelSignals]: ...
    def __getitem__(self, models: int | slice) -> ModelSignals | Sequence[ModelSignals]:
        """Return the signals of one model, or some of the models."""
        if isinstance(models, slice):
            return StoredModels(self.study, self.tables[models], self.records)
        return read_signals(self.study, self.tables[models], self.records)

    def signals(self, kinds: Sequence[str]) -> Mapping[str, SignalArray]:
        """Return signals of all models by kind, of which single columns are read."""
        first = self[0].target

        def stored(kind: str) -> StoredSignals:
            shape = (len(self), *first[kind].shape)
            return StoredSignals(
                shape, lambda row: read_kind(self.study, self.tables[row], self.records, kind)
            )

        return {kind: stored(kind) for kind in kinds}


def read_models(
    study: Study, tables: Sequence[tuple[str, ...]], records: RecordPool
) -> Sequence[ModelSignals]:
    """Return the signals of some models, in memory where they fit.

    Raises:
        ImprintError: as :func:`imprint.lenses.membership.study.model_signals.read_signals`; of
            tables that stay on disk when they are read.
    """
    stored = StoredModels(study, tuple(tables), records)
    return stored if len(tables) * len(records.every) > IN_MEMORY_VALUES else list(stored)
