"""``coverage impartiality``: does coverage rise with the diversity of predictions?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import pearsonr

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.lenses.coverage.experiments.impartiality_findings import (
    CriterionCorrelation,
    Impartiality,
    ImpartialityFindings,
)
from imprint.lenses.coverage.experiments.impartiality_options import ImpartialityOptions
from imprint.lenses.coverage.measure.impartiality import MixedSets, measure_mixed_sets
from imprint.lenses.coverage.measure.measure import fit, make_criteria
from imprint.lenses.coverage.study.criteria import settings_of
from imprint.lenses.coverage.study.inputs import read_probabilities
from imprint.lenses.coverage.study.source import Source, check_source, open_source, ranking_of
from imprint.neurons.activations import ActivationTable
from imprint.report.summary import finish
from imprint.stats.correlation import pearson, spearman
from imprint.stats.estimate import Estimate
from imprint.study.counted import uncounted
from imprint.study.csv_file import write_csv
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import read_table, write_table

MIN_SPREAD = 1e-9
IMPARTIALITY_COLUMNS = (
    "sample_size",
    "test_type",
    "coverage_method",
    "coverage_score",
    "impartiality_score",
    "num_samples",
)
CORRELATION_COLUMNS = (
    "coverage_method",
    "test_type",
    "correlation_coefficient",
    "p_value",
    "sample_count",
)


def impartiality_study(options: ImpartialityOptions) -> JsonObject:
    """Measure sets of different class mixes, and write the report.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    settings = settings_of(options)
    check_source(options)
    study = Study(options.out)
    with study.locked():
        source = open_source(study, options)
        tests, classes = _predicted(source, options)
        settings, _ = ranking_of(study, source, options).fill(settings)
        step = MeasureMixedSets(
            settings,
            source.fingerprints,
            classes,
            tuple(sorted(set(options.sizes))),
            options.sets,
            options.seed,
            source.train,
            tests,
        )
        folder = study.run(step)
        findings = read_finding(Impartiality, folder / "findings.json")
        if options.export_legacy:
            study.run(WritePublishedCorrelations(study.hash_of(step.artefact), folder, findings))
        lenses = {"coverage": to_json(ImpartialityFindings(findings))}
        return finish(study, options, source.facts, lenses, source.model_facts())


def _predicted(source: Source, options: ImpartialityOptions) -> tuple[ActivationTable, int]:
    """Return the tests, and how many classes the network has.

    Raises:
        ImprintError: it is not known what the network predicts.
    """
    if options.arrays is not None:
        probabilities = read_probabilities(options.arrays)
        if probabilities is None:
            raise ImprintError(
                f"{options.arrays} lacks probabilities [M, C]: sets are compared by what the "
                "network predicts"
            )
        return source.test, probabilities.shape[1]
    assert source.sets is not None
    assert source.network is not None
    outputs = source.network.file.card.outputs
    # A classifier that a card says nothing of has those of the images, at least.
    return source.test, outputs or len(source.sets.images.classes)


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
        criteria, missing = make_criteria(self.settings, self.train, self.tests)
        missing |= fit(criteria, self.train)
        ready = {name: criteria[name] for name in sorted(criteria.keys() - missing.keys())}
        mixed = measure_mixed_sets(
            ready, self.tests, self.classes, self.sizes, self.sets, self.seed
        )
        columns: dict[str, NDArray[np.generic]] = {
            "index": np.arange(len(mixed.sizes)),
            "size": mixed.sizes,
            "alpha": mixed.alphas,
            "impartiality": mixed.impartiality,
            **mixed.coverage,
        }
        write_table(path / "sets.parquet", columns)
        correlations: dict[str, CriterionCorrelation | Missing] = {
            name: correlate(mixed, name, self.seed) for name in ready
        }
        correlations |= {name: Missing(reason) for name, reason in missing.items()}
        findings = Impartiality(
            len(self.tests),
            self.classes,
            self.sizes,
            self.sets,
            (float(mixed.impartiality.min()), float(mixed.impartiality.max())),
            {name: correlations[name] for name in sorted(correlations)},
        )
        write_finding(path / "findings.json", findings)


def correlate(mixed: MixedSets, name: str, seed: int) -> CriterionCorrelation:
    """Return how closely a criterion follows the impartiality of sets."""
    coverage, evenness = mixed.coverage[name], mixed.impartiality
    within_pearson: dict[str, Estimate | Missing] = {}
    within_spearman: dict[str, Estimate | Missing] = {}
    scaled: tuple[list[FloatArray], list[FloatArray]] = ([], [])
    for size in np.unique(mixed.sizes).tolist():
        chosen = mixed.sizes == size
        pair = coverage[chosen], evenness[chosen]
        random = generator(seed, "impartiality", name, size)
        within_pearson[str(size)] = _correlation(pearson, *pair, random)
        within_spearman[str(size)] = _correlation(spearman, *pair, random)
        for parts, values in zip(scaled, pair, strict=True):
            spread = values.std()
            parts.append((values - values.mean()) / spread if spread > MIN_SPREAD else values * 0)
    first, second = (np.concatenate(parts) for parts in scaled)
    pooled = _correlation(pearson, first, second, generator(seed, "impartiality", name))
    return CriterionCorrelation(within_pearson, within_spearman, pooled)


def _correlation(
    kind: Any, coverage: FloatArray, evenness: FloatArray, random: np.random.Generator
) -> Estimate | Missing:
    if np.ptp(coverage) <= MIN_SPREAD or np.ptp(evenness) <= MIN_SPREAD:
        which = "coverage" if np.ptp(coverage) <= MIN_SPREAD else "impartiality"
        return Missing(f"the {which} of all sets is the same")
    estimate: Estimate = kind(coverage, evenness, random)
    return estimate


@dataclass(frozen=True)
class WritePublishedCorrelations(Step):
    """``impartiality_legacy``: ``rq4_impartiality.csv`` and ``rq4_correlation.csv``.

    ``p_value`` is that of Student's test of no correlation, as published.
    """

    made_from: str
    folder: Path = uncounted()
    findings: Impartiality = uncounted()

    artefact = "impartiality_legacy"

    def build(self, path: Path) -> None:
        """Write both tables, their columns as published."""
        path.mkdir(exist_ok=True)
        table = read_table(self.folder / "sets.parquet")
        sets = [
            [size, "dirichlet", name, value, even, size]
            for name in self.findings.measured
            for size, value, even in zip(
                table["size"], table[name], table["impartiality"], strict=True
            )
        ]
        write_csv(path / "rq4_impartiality.csv", IMPARTIALITY_COLUMNS, sets)
        correlations = []
        for name, each in self.findings.measured.items():
            for size, estimate in each.pearson.items():
                if isinstance(estimate, Missing):
                    continue
                own = table["size"] == int(size)
                p = float(pearsonr(table[name][own], table["impartiality"][own]).pvalue)
                correlations.append([name, f"size {size}", estimate.value, p, estimate.n])
        write_csv(path / "rq4_correlation.csv", CORRELATION_COLUMNS, correlations)
