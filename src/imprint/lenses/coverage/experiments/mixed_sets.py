"""The steps that measure test sets of different class mixes, clean and adversarial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.missing import Missing
from imprint.lenses.coverage.experiments.attacked_tests import fooling_table
from imprint.lenses.coverage.experiments.impartiality_findings import (
    AdversarialSets,
    CriterionCorrelation,
    Impartiality,
)
from imprint.lenses.coverage.measure.evenness_correlation import (
    correlations,
    overall,
    size_spreads,
)
from imprint.lenses.coverage.measure.growth import ready_criteria
from imprint.lenses.coverage.measure.impartiality import MixedSets, measure_mixed_sets
from imprint.lenses.coverage.study.network import AuditedNetwork
from imprint.neurons.activations import ActivationTable
from imprint.perturb.adversarial_set import AdversarialSet
from imprint.probe.neurons.tap_options import TapOptions
from imprint.study.counted import uncounted
from imprint.study.finding import write_finding
from imprint.study.step import Step
from imprint.study.tables import read_table, write_table

SETS = "sets.parquet"
FINDINGS = "findings.json"
OTHER_COLUMNS = ("index", "size", "alpha", "impartiality")


@dataclass(frozen=True)
class MeasureMixedSets(Step):
    """Coverage and impartiality of test sets: ``impartiality``.

    ``sets.parquet`` has a row per set: ``size``, ``alpha``, ``impartiality`` and a column per
    criterion; ``findings.json`` has the correlations.
    """

    settings: Mapping[str, Any]
    source: Mapping[str, str]
    classes: int
    sizes: tuple[int, ...]
    sets: int
    seed: int
    train: ActivationTable | None = uncounted()
    tests: ActivationTable = uncounted()

    artefact = "impartiality"

    def build(self, path: Path) -> None:
        """Measure the sets."""
        path.mkdir(exist_ok=True)
        ready, missing = ready_criteria(self.settings, self.train, self.tests)
        mixed = measure_mixed_sets(
            ready, self.tests, self.classes, self.sizes, self.sets, self.seed
        )
        write_sets(path / SETS, mixed)
        criteria: dict[str, CriterionCorrelation | Missing] = dict(correlations(mixed, self.seed))
        criteria |= {name: Missing(reason) for name, reason in missing.items()}
        findings = Impartiality(
            len(self.tests),
            self.classes,
            self.sizes,
            self.sets,
            evenness_range(mixed),
            {name: criteria[name] for name in sorted(criteria)},
            size_spreads(mixed, self.sizes),
        )
        write_finding(path / FINDINGS, findings)


@dataclass(frozen=True)
class MeasureAdversarialSets(Step):
    """The same of sets of adversarial inputs: ``impartiality_adversarial``.

    Attributes:
        clean: what sets of clean tests were made from.
        attack: name of the attack.
        epsilon: largest change of a pixel.
        made: adversarial inputs; sets are of those that fool the network.
        folder: sets of clean tests.
    """

    settings: Mapping[str, Any]
    source: Mapping[str, str]
    clean: str
    attack: str
    epsilon: float
    classes: int
    sizes: tuple[int, ...]
    sets: int
    seed: int
    taps: TapOptions
    network: AuditedNetwork
    made: AdversarialSet = uncounted()
    folder: Path = uncounted()
    train: ActivationTable | None = uncounted()
    tests: ActivationTable = uncounted()

    artefact = "impartiality_adversarial"

    def build(self, path: Path) -> None:
        """Measure the sets."""
        path.mkdir(exist_ok=True)
        table = fooling_table(self.network, self.tests, self.made, self.taps).table
        ready, _ = ready_criteria(self.settings, self.train, self.tests)
        mixed = measure_mixed_sets(ready, table, self.classes, self.sizes, self.sets, self.seed)
        write_sets(path / SETS, mixed)
        findings = AdversarialSets(
            self.attack,
            self.epsilon,
            len(self.made.index),
            self.made.success,
            evenness_range(mixed),
            correlations(mixed, self.seed),
            overall(read_sets(self.folder / SETS), mixed, self.seed),
        )
        write_finding(path / FINDINGS, findings)


def evenness_range(mixed: MixedSets) -> tuple[float, float]:
    """Return the smallest and the largest impartiality."""
    return float(mixed.impartiality.min()), float(mixed.impartiality.max())


def write_sets(file: Path, mixed: MixedSets) -> None:
    """Write a row per set."""
    columns: dict[str, NDArray[np.generic]] = {
        "index": np.arange(len(mixed.sizes)),
        "size": mixed.sizes,
        "alpha": mixed.alphas,
        "impartiality": mixed.impartiality,
        **mixed.coverage,
    }
    write_table(file, columns)


def read_sets(file: Path) -> MixedSets:
    """Return the sets of a file."""
    table = read_table(file)
    coverage = {name: values for name, values in table.items() if name not in OTHER_COLUMNS}
    return MixedSets(table["size"], table["alpha"], table["impartiality"], coverage)
