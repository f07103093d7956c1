"""The signals of a model as its tables hold them, and what attacks read of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack_kit.attack import Evidence
from imprint.lenses.membership.cohort.references import Cohort, References
from imprint.lenses.membership.cohort.stored_signals import SignalArray
from imprint.lenses.membership.study.options import EvidenceChoice
from imprint.lenses.membership.study.records import RecordPool
from imprint.probe.signals.signal import signal_kinds
from imprint.study.store import Study
from imprint.study.tables import Table, column_names, read_table

REFERENCE_KINDS = ("phi", "log_curvature")
"""Kinds of signal that attacks read of reference models."""


def unmeasured_kinds(choice: EvidenceChoice) -> frozenset[str]:
    """Return the kinds of signal that are not measured of every record."""
    wanted = {"signals": True, "curvature": choice.curvature, "white_box": choice.white_box}
    unwanted = {kind for kind, signal in signal_kinds().items() if not wanted[signal.table]}
    return frozenset({"distance", "trajectory"} | unwanted)


@dataclass(frozen=True)
class ModelSignals:
    """The signals of one model, by kind.

    Attributes:
        target: float64 ``[A, N]``, of the attacked records.
        population: float64 ``[A, Q]``; empty where there is no population.
        correct: bool ``[N]``, whether it gets the plain record right.
        population_correct: bool ``[Q]``.
    """

    target: Mapping[str, FloatArray]
    population: Mapping[str, FloatArray]
    correct: BoolArray
    population_correct: BoolArray


@runtime_checkable
class OnDisk(Protocol):
    """Models whose signals are read when they are needed."""

    def signals(self, kinds: Sequence[str]) -> Mapping[str, SignalArray]:
        """Return signals of all models by kind, ``[K, A, N]``."""
        ...


def read_signals(study: Study, artefacts: Sequence[str], records: RecordPool) -> ModelSignals:
    """Return the tables of one model, those of each folder joined.

    Raises:
        ImprintError: a table is damaged, or holds other rows or kinds of values than the records.
    """
    columns: Table = {}
    for name in artefacts:
        columns |= _read_rows(study.path(name), len(records.every))
    if columns["correct.identity"].dtype != np.bool_:
        raise ImprintError(
            f"{study.path(artefacts[0])}: column correct.identity holds other values than true and "
            "false: delete it and run again"
        )
    attacked = len(records.index)
    values = {}
    for kind, signal in signal_kinds().items():
        views = [column for name, column in columns.items() if name.startswith(f"{signal.name}.")]
        if views:
            values[kind] = np.stack(views).astype(np.float64)
    return ModelSignals(
        {kind: rows[:, :attacked] for kind, rows in values.items()},
        {kind: rows[:, attacked:] for kind, rows in values.items() if len(records.population)},
        columns["correct.identity"][:attacked],
        columns["correct.identity"][attacked:],
    )


def read_kind(study: Study, artefacts: Sequence[str], records: RecordPool, kind: str) -> FloatArray:
    """Return one kind of signal of the attacked records, float64 ``[A, N]``; its columns alone.

    Raises:
        ImprintError: as :func:`read_signals`.
    """
    prefix = f"{signal_kinds()[kind].name}."
    views: list[NDArray[Any]] = []
    for name in artefacts:
        path = study.path(name)
        wanted = [each for each in column_names(path) if each.startswith(prefix)]
        if wanted:
            table = _read_rows(path, len(records.every), ["index", *wanted])
            views += [table[each][: len(records.index)] for each in wanted]
    return np.stack(views).astype(np.float64)


def _read_rows(path: Path, count: int, columns: Sequence[str] | None = None) -> Table:
    """Return a table of ``count`` rows."""
    table = read_table(path, columns)
    rows = len(table["index"])
    if rows != count:
        raise ImprintError(f"{path} has {rows} rows for {count} records: delete it and run again")
    return table


def make_evidence(
    target: ModelSignals, shadows: Sequence[ModelSignals], masks: BoolArray | None
) -> Evidence:
    """Return what attacks may read: the target, and the shadow models as its references.

    Args:
        target: of the network.
        shadows: of every shadow model, none without.
        masks: bool ``[K, N]``, which shadow model was trained on which record.
    """
    references = None
    if shadows and masks is not None:
        kinds = [kind for kind in REFERENCE_KINDS if kind in target.target]
        of_population = [kind for kind in kinds if kind in target.population]
        population = [
            {kind: shadow.population[kind] for kind in of_population} for shadow in shadows
        ]
        references = References(
            Cohort(
                shadows.signals(kinds)
                if isinstance(shadows, OnDisk)
                else {
                    kind: np.stack([shadow.target[kind] for shadow in shadows]) for kind in kinds
                },
                masks,
                {kind: np.stack([each[kind] for each in population]) for kind in of_population},
            )
        )
    return Evidence(target.target, references, target.population)
