"""``coverage sensitivity``: does noise on important pixels add more coverage than elsewhere?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.experiments.noise_gains import MeasureNoise
from imprint.lenses.coverage.experiments.noise_gallery import SaveNoisyPictures
from imprint.lenses.coverage.experiments.noise_grid import measure_grid
from imprint.lenses.coverage.experiments.sensitivity_findings import (
    Sensitivity,
    SensitivityFindings,
)
from imprint.lenses.coverage.experiments.sensitivity_options import SensitivityOptions
from imprint.lenses.coverage.study.attribution import check_attributions
from imprint.lenses.coverage.study.criteria import settings_of
from imprint.lenses.coverage.study.inputs import tap_options
from imprint.lenses.coverage.study.neurons import (
    WISDOM,
    NeuronRanking,
    check_choice,
    check_tables,
)
from imprint.lenses.coverage.study.source import network_source, ranking_of
from imprint.report.summary import finish
from imprint.study.counted import uncounted
from imprint.study.csv_file import write_csv
from imprint.study.finding import read_finding, to_json
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import read_table

LEADING = 10
"""Neurons whose places are important pixels, with ``--pixels wisdom``."""


def sensitivity_study(options: SensitivityOptions) -> JsonObject:
    """Measure noisy copies of the tests, and write the report.

    Returns:
        the content of ``summary.json``.

    Raises:
        ImprintError: bad data, options that do not fit, or a study made with other settings.
    """
    settings = settings_of(options)
    check_choice(options)
    check_tables(options)
    if options.pixels != WISDOM:
        check_attributions((options.pixels,), "--pixels")
    study = Study(options.out)
    with study.locked():
        source = network_source(study, options)
        assert source.network is not None
        assert source.sets is not None
        ranking = ranking_of(study, source, options)
        settings, _ = ranking.fill(settings)
        step = MeasureNoise(
            settings,
            source.fingerprints,
            source.network,
            source.sets.test,
            tap_options(options),
            options.pixels,
            voted_neurons(ranking) if options.pixels == WISDOM else None,
            options.pixel_share,
            options.deviation,
            options.draws,
            options.seed,
            source.train,
            source.test,
        )
        folder = study.run(step)
        findings = read_finding(Sensitivity, folder / "findings.json")
        study.run(SaveNoisyPictures(step, source.sets.images.classes))
        grid = measure_grid(study, step, options.grid_shares, options.grid_deviations)
        findings = replace(findings, grid=grid)
        if options.export_legacy:
            made_from = study.hash_of(step.artefact)
            study.run(WritePublishedCoverage(made_from, options.pixels, folder, findings))
        lenses = {"coverage": to_json(SensitivityFindings(findings))}
        return finish(study, options, source.facts, lenses, source.model_facts())


def voted_neurons(ranking: NeuronRanking) -> dict[str, FloatArray]:
    """Return the votes of the leading neurons by layer, float64 ``[width]``, 0 for all others.

    Raises:
        ImprintError: there are none; the message says why.
    """
    votes, choice = ranking.votes(LEADING)
    if votes is None:
        raise ImprintError(f"--pixels {WISDOM} needs votes: {choice.missing}")
    known = np.nan_to_num(votes)
    least = np.sort(known)[-min(LEADING, len(known))]
    kept = np.where((known >= least) & (known > 0), known, 0.0)
    return {name: kept[part] for name, part in ranking.layers.slices.items()}


@dataclass(frozen=True)
class WritePublishedCoverage(Step):
    """``sensitivity_legacy``: ``rq2_results.csv``, a row per test set, means over draws."""

    made_from: str
    pixels: str
    folder: Path = uncounted()
    findings: Sensitivity = uncounted()

    artefact = "sensitivity_legacy"

    def build(self, path: Path) -> None:
        """Write the table, a column per criterion."""
        path.mkdir(exist_ok=True)
        table = read_table(self.folder / "draws.parquet")
        names = sorted(self.findings.measured)
        original = [self.findings.measured[name].original for name in names]
        rows: list[list[object]] = [["original", *original]]
        for label, part in (("U_RO", "random"), ("U_IO", "important")):
            chosen = table["pixels"] == part
            means = [float(table[name][chosen].mean()) for name in names]
            rows.append([f"{self.pixels}_{label}", *means])
        write_csv(path / "rq2_results.csv", ["", *(name.upper() for name in names)], rows)
