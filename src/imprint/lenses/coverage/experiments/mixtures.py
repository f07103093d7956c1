"""The step that measures sets with adversarial inputs among them, and its published table."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.missing import Missing
from imprint.lenses.coverage.criterion.criterion import Criterion
from imprint.lenses.coverage.experiments.adversarial_findings import (
    AdversarialChanges,
    AttackFindings,
)
from imprint.lenses.coverage.experiments.attacked_tests import fooling_table
from imprint.lenses.coverage.measure.growth import mark_of, ready_criteria
from imprint.lenses.coverage.measure.mixture_changes import adjusted, change_range, changes_of
from imprint.lenses.coverage.measure.mixtures import (
    KINDS,
    WAYS,
    AttackedTable,
    MeasuredSets,
    Mixtures,
    measure_mixtures,
)
from imprint.lenses.coverage.study.network import AuditedNetwork
from imprint.neurons.activations import ActivationTable
from imprint.perturb.adversarial_set import AdversarialSet
from imprint.probe.neurons.tap_options import TapOptions
from imprint.study.counted import uncounted
from imprint.study.csv_file import write_csv
from imprint.study.finding import write_finding
from imprint.study.kept_values import kept_value
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.tables import Table, read_table, write_table

ALONE = "_alone"
MISSING = "missing"
UNFINISHED = "unfinished"
PUBLISHED = (
    "Method",
    "Sample_Size",
    "Attack",
    "Adv_Ratio",
    "Coverage_Change",
    "Coverage_Change_Std",
    "Num_Runs",
)


@dataclass(frozen=True)
class MeasureMixtures(Step):
    """Coverage of sets with adversarial inputs among them: ``adversarial_changes``.

    ``sets.parquet`` has a row per attack, size, draw, share, way and kind of inputs, with the value
    of each criterion and, in ``NAME_alone``, that of the set without them; ``findings.json``
    compares them.
    """

    settings: Mapping[str, Any]
    source: Mapping[str, str]
    epsilon: float
    sizes: tuple[int, ...]
    shares: tuple[float, ...]
    draws: int
    seed: int
    taps: TapOptions
    network: AuditedNetwork
    attacked: Mapping[str, AdversarialSet] = uncounted()
    train: ActivationTable | None = uncounted()
    tests: ActivationTable = uncounted()

    artefact = "adversarial_changes"
    resumable = True

    def build(self, path: Path) -> None:
        """Measure attack after attack."""
        (path / UNFINISHED).mkdir(parents=True, exist_ok=True)
        criteria, missing = ready_criteria(self.settings, self.train, self.tests)
        assert self.tests.predictions is not None
        pool = np.flatnonzero(self.tests.labels == self.tests.predictions)
        sets = []
        for name, made in self.attacked.items():
            table = fooling_table(self.network, self.tests, made, self.taps)
            for size in self.sizes:
                found = kept_value(
                    path / UNFINISHED / f"{name}_{size}.json",
                    partial(self._measure, criteria, pool, table, size),
                )
                sets.append(MeasuredSets(name, size, mixtures_from(found)))
        write_table(path / "sets.parquet", set_rows(sets, self.shares, self.draws, list(criteria)))
        marks = {name: mark_of(criterion) for name, criterion in criteria.items()}
        known = {name: mark for name, mark in marks.items() if mark is not None}
        changes = changes_of(sets, self.shares, known, self.seed)
        attacks = {
            name: AttackFindings(
                len(made.index), made.success, changes[name], unmeasured(sets, name)
            )
            for name, made in self.attacked.items()
        }
        findings = AdversarialChanges(
            len(pool),
            self.epsilon,
            self.draws,
            known,
            {name: change_range(sets, name) for name in criteria},
            adjusted(attacks),
            missing,
        )
        write_finding(path / "findings.json", findings)
        shutil.rmtree(path / UNFINISHED)

    def _measure(
        self, criteria: Mapping[str, Criterion], pool: IntArray, table: AttackedTable, size: int
    ) -> JsonObject:
        """Return the values on sets of one size as JSON; or why there are none."""
        found = measure_mixtures(
            criteria, self.tests, pool, table, size, self.shares, self.draws, self.seed
        )
        if isinstance(found, Missing):
            return {MISSING: found.missing}
        return {
            name: {"alone": each.alone.tolist(), "mixed": each.mixed.tolist()}
            for name, each in found.items()
        }


def mixtures_from(value: JsonObject) -> Mapping[str, Mixtures] | Missing:
    """Return the values that a killed call kept."""
    if MISSING in value:
        return Missing(value[MISSING])
    return {
        name: Mixtures(np.array(each["alone"]), np.array(each["mixed"]))
        for name, each in value.items()
    }


def unmeasured(sets: Sequence[MeasuredSets], attack: str) -> str | None:
    """Return why an attack has no sets; None where it has some."""
    of_attack = [each.mixtures for each in sets if each.attack == attack]
    reasons = [each.missing for each in of_attack if isinstance(each, Missing)]
    return reasons[0] if len(reasons) == len(of_attack) else None


def set_rows(
    sets: Sequence[MeasuredSets], shares: Sequence[float], draws: int, criteria: Sequence[str]
) -> Table:
    """Return a row per attack, size, draw, share, way and kind of inputs."""
    known = [each for each in sets if not isinstance(each.mixtures, Missing)]
    shape = (draws, len(shares), len(WAYS), len(KINDS))
    places = np.indices(shape).reshape(4, -1)
    rows = len(known) * places.shape[1]
    columns: dict[str, NDArray[Any]] = {
        "index": np.arange(rows),
        "attack": np.repeat([each.attack for each in known], places.shape[1]).astype(str),
        "size": np.repeat([each.size for each in known], places.shape[1]).astype(np.int64),
        "draw": np.tile(places[0], len(known)),
        "share": np.tile(np.array(shares)[places[1]], len(known)),
        "way": np.tile(np.array(WAYS)[places[2]], len(known)),
        "inputs": np.tile(np.array(KINDS)[places[3]], len(known)),
    }
    for name in criteria:
        found = [each.mixtures[name] for each in known if not isinstance(each.mixtures, Missing)]
        mixed = [each.mixed.ravel() for each in found]
        alone = [np.broadcast_to(e.alone[:, None, None, None], shape).ravel() for e in found]
        columns[name] = np.concatenate([np.empty(0), *mixed])
        columns[name + ALONE] = np.concatenate([np.empty(0), *alone])
    return columns


@dataclass(frozen=True)
class WritePublishedChanges(Step):
    """``adversarial_changes_legacy``: ``rq3_results.csv``, of replaced inputs.

    ``Coverage_Change`` is the size of the change as a share of the value of the set, 0 where that
    is 0, as published; mean and deviation over draws.
    """

    made_from: str
    folder: Path = uncounted()
    findings: AdversarialChanges = uncounted()

    artefact = "adversarial_changes_legacy"

    def build(self, path: Path) -> None:
        """Write the table."""
        path.mkdir(exist_ok=True)
        table = read_table(self.folder / "sets.parquet")
        kept = (table["way"] == "replace") & (table["inputs"] == "adversarial")
        rows: list[list[object]] = []
        names = [name for name in table if name + ALONE in table]
        keys = zip(table["attack"], table["size"], table["share"], strict=True)
        groups = np.array([f"{attack} {size} {share}" for attack, size, share in keys], dtype=str)
        for name in names:
            alone = table[name + ALONE]
            size_of_change = np.divide(
                np.abs(table[name] - alone), alone, out=np.zeros(len(alone)), where=alone != 0
            )
            for group in dict.fromkeys(groups.tolist()):
                attack, size, share = group.split()
                chosen = size_of_change[kept & (groups == group)]
                spread = float(chosen.std(ddof=1))
                rows.append([name, size, attack, share, float(chosen.mean()), spread, len(chosen)])
        write_csv(path / "rq3_results.csv", PUBLISHED, rows)
