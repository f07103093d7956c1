"""``coverage impartiality``: does coverage rise with the diversity of predictions?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scipy.stats import pearsonr

from imprint.core.errors import ImprintError
from imprint.core.extras import import_art
from imprint.core.missing import Missing
from imprint.lenses.coverage.experiments.attacked_tests import attack_tests, correct_rows
from imprint.lenses.coverage.experiments.impartiality_findings import (
    AdversarialSets,
    CriterionCorrelation,
    Impartiality,
    ImpartialityFindings,
)
from imprint.lenses.coverage.experiments.impartiality_options import ImpartialityOptions
from imprint.lenses.coverage.experiments.mixed_sets import (
    FINDINGS,
    SETS,
    MeasureAdversarialSets,
    MeasureMixedSets,
)
from imprint.lenses.coverage.study.criteria import settings_of
from imprint.lenses.coverage.study.inputs import read_probabilities, tap_options
from imprint.lenses.coverage.study.source import Source, check_source, open_source, ranking_of
from imprint.neurons.activations import ActivationTable
from imprint.perturb.adversarial import ADVERSARIAL_ATTACKS
from imprint.perturb.adversarial_set import AdversarialSet
from imprint.report.summary import finish
from imprint.study.counted import uncounted
from imprint.study.csv_file import write_csv
from imprint.study.finding import read_finding, to_json
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import read_table

CLEAN, ADVERSARIAL = "dirichlet", "adversarial"
"""Kinds of sets in the published tables."""
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
        ImprintError: bad data, options that do not fit, ART is not installed, or a study made with
            other settings.
    """
    settings = settings_of(options)
    check_source(options)
    check_attack(options)
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
        findings = read_finding(Impartiality, folder / FINDINGS)
        tables = {CLEAN: folder}
        if options.attack:
            made = _adversarial(study, source, step, folder, options)
            if isinstance(made, Missing):
                findings = replace(findings, adversarial=made)
            else:
                tables[ADVERSARIAL] = made
                attacked = read_finding(AdversarialSets, made / FINDINGS)
                findings = replace(findings, adversarial=attacked)
        if options.export_legacy:
            made_from = {kind: study.hash_of(each.name) for kind, each in tables.items()}
            study.run(WritePublishedCorrelations(made_from, tables, findings))
        lenses = {"coverage": to_json(ImpartialityFindings(findings))}
        return finish(study, options, source.facts, lenses, source.model_facts())


def check_attack(options: ImpartialityOptions) -> None:
    """Refuse an attack that cannot be made.

    Raises:
        ImprintError: no such attack, no network, ART is not installed, or fewer tests attacked
            than a set holds.
    """
    if not options.attack:
        return
    ADVERSARIAL_ATTACKS.get(options.attack)
    if options.arrays is not None:
        raise ImprintError("--attack applies to a network, not to --arrays: leave it out")
    if options.attacked_records < max(options.sizes):
        raise ImprintError(
            f"--attacked-records {options.attacked_records} is less than --sizes "
            f"{max(options.sizes)}: attack more tests, or give smaller sets"
        )
    import_art()


def _adversarial(
    study: Study,
    source: Source,
    clean: MeasureMixedSets,
    folder: Path,
    options: ImpartialityOptions,
) -> Path | Missing:
    """Return the folder of the sets of adversarial inputs; or why there are none."""
    assert source.network is not None
    pool = correct_rows(source)
    names, records = (options.attack,), options.attacked_records
    made = attack_tests(study, source, pool, names, records, options, options.seed)[options.attack]
    reason = too_few(made, max(clean.sizes))
    if reason is not None:
        return Missing(reason)
    step = MeasureAdversarialSets(
        clean.settings,
        {**clean.source, "adversarial": study.hash_of(f"adversarial/{options.attack}")},
        study.hash_of(clean.artefact),
        options.attack,
        options.epsilon,
        clean.classes,
        clean.sizes,
        clean.sets,
        clean.seed,
        tap_options(options),
        source.network,
        made,
        folder,
        clean.train,
        clean.tests,
    )
    return study.run(step)


def too_few(made: AdversarialSet, size: int) -> str | None:
    """Return why the inputs that fool the network do not fill a set; None where they do."""
    fooling = int(made.fooling.sum())
    if fooling >= size:
        return None
    return (
        f"{fooling} adversarial inputs fool the network, and sets of {size} need as many: attack "
        "more tests, or take smaller sets"
    )


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
class WritePublishedCorrelations(Step):
    """``impartiality_legacy``: ``rq4_impartiality.csv`` and ``rq4_correlation.csv``.

    ``p_value`` is that of Student's test of no correlation, as published.
    """

    made_from: Mapping[str, str]
    folders: Mapping[str, Path] = uncounted()
    findings: Impartiality = uncounted()

    artefact = "impartiality_legacy"

    def build(self, path: Path) -> None:
        """Write both tables, their columns as published."""
        path.mkdir(exist_ok=True)
        sets: list[list[object]] = []
        correlations: list[list[object]] = []
        for kind, folder in self.folders.items():
            table = read_table(folder / SETS)
            for name, each in self._criteria(kind).items():
                values, evenness = table[name], table["impartiality"]
                for size, value, even in zip(table["size"], values, evenness, strict=True):
                    sets.append([size, kind, name, value, even, size])
                for size, estimate in each.pearson.items():
                    if isinstance(estimate, Missing):
                        continue
                    own = table["size"] == int(size)
                    p = float(pearsonr(values[own], evenness[own]).pvalue)
                    words = f"size {size}" if kind == CLEAN else f"{kind} size {size}"
                    correlations.append([name, words, estimate.value, p, estimate.n])
        write_csv(path / "rq4_impartiality.csv", IMPARTIALITY_COLUMNS, sets)
        write_csv(path / "rq4_correlation.csv", CORRELATION_COLUMNS, correlations)

    def _criteria(self, kind: str) -> Mapping[str, CriterionCorrelation]:
        if kind == CLEAN:
            return self.findings.measured
        assert isinstance(self.findings.adversarial, AdversarialSets)
        return self.findings.adversarial.criteria
