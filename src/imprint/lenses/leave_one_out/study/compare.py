"""``leave-one-out compare``: closed-form values and other estimates beside retraining.

Writes ``comparison/``: ``records.parquet`` with the truth and every estimate of each removed
record, ``estimators.parquet`` with the correlations, ``queries.parquet`` with those at held-out
queries, ``influence/NAME.npy`` with every table ``[n, q]``, ``findings.json``, and ``nn.csv`` and
``nngp.csv`` with the columns of the publication's tools. In these, ``differ_idx`` counts from 1,
``auc_std`` and ``diff_std`` are standard errors, and ``mse`` and ``kl`` are positive.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.lenses.leave_one_out.brittleness_findings import BrittlenessFindings
from imprint.lenses.leave_one_out.influence_quality_findings import (
    Correlations,
    InfluenceQualityFindings,
)
from imprint.lenses.leave_one_out.retraining_findings import (
    ComparisonFindings,
    EstimatorRow,
    LineFindings,
    TruthFindings,
    WorkCost,
)
from imprint.lenses.leave_one_out.retraining_options import (
    ComparisonOptions,
    EstimatorChoice,
    RetrainingChoice,
    RetrainingOptions,
)
from imprint.lenses.leave_one_out.study.brittleness import (
    CompareBrittleness,
    check_brittleness,
    chosen_tables,
)
from imprint.lenses.leave_one_out.study.compare_lines import CompareLines
from imprint.lenses.leave_one_out.study.conclude import FindingStep, conclude
from imprint.lenses.leave_one_out.study.estimators import (
    Estimated,
    check_estimators,
    closed_forms,
    estimates_from_gradients,
)
from imprint.lenses.leave_one_out.study.given_models import compare_given_models, top_records
from imprint.lenses.leave_one_out.study.influence_quality import influence_quality, write_quality
from imprint.lenses.leave_one_out.study.network_models import (
    check_influence,
    models_at_queries,
    tables_of_user,
)
from imprint.lenses.leave_one_out.study.retrain import (
    GroundTruth,
    ground_truth,
    retraining_findings,
)
from imprint.lenses.leave_one_out.truth.ground_truth import (
    MeasuredValues,
    attack_auc,
    correlations,
    datamodeling_score,
    prediction_difference,
    root_difference,
)
from imprint.lenses.leave_one_out.truth.margins import label_margins
from imprint.reading.array_files import read_npy
from imprint.report.summary import finish
from imprint.stats.estimate import Estimate
from imprint.study.counted import part_of
from imprint.study.finding import to_json, write_finding
from imprint.study.store import Study
from imprint.study.tables import write_table

LENS = "leave_one_out"
INFLUENCE = "influence"
"""Folder of influence tables in ``comparison/``."""
COEFFICIENT_MISSING = Missing("no correlation")


@dataclass(frozen=True, eq=False)
class CompareEstimates(FindingStep[ComparisonFindings]):
    """Write ``comparison/``."""

    truth: GroundTruth
    choice: RetrainingChoice
    estimators: EstimatorChoice
    seed: int
    tables: Mapping[str, FloatArray]
    top: int

    artefact = "comparison"
    kind = ComparisonFindings

    def build(self, path: Path) -> None:
        """Estimate, correlate, and write the tables."""
        truth = self.truth
        within, without = truth.own_logits
        difference, auc = prediction_difference(within, without), attack_auc(within, without)
        forms = closed_forms(truth, self.choice.noise)
        gradients = estimates_from_gradients(truth, self.estimators)
        estimates = {**forms, **gradients.estimates}
        truths = {"difference": root_difference(within, without), "auc": auc.value}
        rows = {
            name: estimator_row(name, estimate, truths, truth, self.seed)
            for name, estimate in estimates.items()
        }
        path.mkdir(parents=True, exist_ok=True)
        write_records(path / "records.parquet", truth, difference, auc, estimates)
        write_estimators(path / "estimators.parquet", rows)
        _write_published(path, truth, difference, auc, next(iter(forms.values())))
        training = gradients.training
        findings = ComparisonFindings(
            rows,
            dict(gradients.skipped),
            None if training is None else WorkCost(**asdict(training)),
            truth.plan.data.inputs.device.type,
            self._at_queries(path, estimates),
        )
        write_finding(path / self.file, findings)

    def _at_queries(
        self, path: Path, estimates: Mapping[str, Estimated]
    ) -> InfluenceQualityFindings | None:
        """Return estimates and tables of the user beside the networks at held-out queries."""
        models = models_at_queries(self.truth)
        if models is None:
            return None
        tables = {name: estimate.table for name, estimate in estimates.items()}
        write_tables(path / INFLUENCE, tables)
        findings = influence_quality({**tables, **self.tables}, models, self.top, self.seed)
        write_quality(path / "queries.parquet", findings)
        return findings


def retrain_study(options: RetrainingOptions) -> Mapping[str, Any]:
    """Retrain, measure, and write the page; return the content of ``summary.json``.

    Raises:
        ImprintError: images or options that cannot be used, or a study made with other settings.
    """
    study, choice = Study(options.out), part_of(options, RetrainingChoice)
    with study.locked():
        truth = ground_truth(study, options)
        findings = TruthFindings(
            retraining_findings(truth, options.seed),
            lines=_lines(study, truth, choice),
        )
        return finish(study, options, to_json(truth.data), {LENS: to_json(findings)})


def compare_study(options: ComparisonOptions) -> Mapping[str, Any]:
    """Retrain what is missing, estimate, compare; return the content of ``summary.json``.

    Raises:
        ImprintError: as :func:`retrain_study`, or an unknown estimator.
    """
    check_estimators(options)
    if options.retrained is not None:
        return compare_given_models(options)
    check_influence(options)
    study, choice = Study(options.out), part_of(options, RetrainingChoice)
    with study.locked():
        truth = ground_truth(study, options)
        check_brittleness(options.brittleness, truth)
        estimators = part_of(options, EstimatorChoice)
        tables = tables_of_user(truth, options)
        top = top_records(options.top, truth.plan.records)
        step = CompareEstimates(truth, choice, estimators, options.seed, tables, top)
        comparison = conclude(study, step)
        findings = TruthFindings(
            retraining_findings(truth, options.seed),
            comparison,
            _lines(study, truth, choice),
            _brittleness(study, truth, options, tables),
        )
        return finish(study, options, to_json(truth.data), {LENS: to_json(findings)})


def _brittleness(
    study: Study, truth: GroundTruth, options: ComparisonOptions, tables: Mapping[str, FloatArray]
) -> BrittlenessFindings | None:
    choice = options.brittleness
    if not choice.removed:
        return None
    estimated = {
        file.stem: read_npy(file)
        for file in sorted((study.path("comparison") / INFLUENCE).glob("*.npy"))
    }
    tested = chosen_tables({**estimated, **tables}, choice)
    return conclude(study, CompareBrittleness(truth, choice, tested, options.seed, study))


def _lines(study: Study, truth: GroundTruth, choice: RetrainingChoice) -> LineFindings | None:
    return None if truth.lines is None else conclude(study, CompareLines(truth, choice))


def estimator_row(
    name: str,
    estimate: Estimated,
    truths: Mapping[str, FloatArray],
    truth: GroundTruth,
    seed: int,
) -> EstimatorRow:
    """Return one estimate beside retraining.

    Args:
        name: of the estimate.
        estimate: to compare.
        truths: ``difference`` and ``auc`` of each removed record, ``[r]``.
        truth: for the datamodeling score.
        seed: of bootstraps.
    """
    random = generator(seed, "compare", name)
    no_self, cost = str(estimate.facts.get("no_self")), estimate.cost
    return EstimatorRow(
        cost.seconds,
        cost.cpu_seconds,
        cost.peak_bytes,
        dict(estimate.facts),
        _correlate(estimate.difference, truths["difference"], no_self, random),
        _correlate(estimate.auc, truths["auc"], no_self, random),
        _datamodeling(estimate, truth, random),
    )


def _correlate(
    scores: FloatArray | None, truth: FloatArray, reason: str, random: np.random.Generator
) -> Correlations | Missing:
    if scores is None:
        return Missing(reason)
    try:
        return Correlations(**correlations(scores, truth, random))
    except ImprintError as error:
        return Missing(str(error))


def _datamodeling(
    estimate: Estimated, truth: GroundTruth, random: np.random.Generator
) -> Estimate | Missing:
    logits, plan = truth.logits.subsets, truth.plan
    if logits is None or logits.shape[2] == plan.records:
        return Missing("needs networks trained on subsets, and held-out queries")
    labels = plan.data.labels.cpu().numpy()[plan.records :]
    outputs = label_margins(logits[:, :, plan.records :].mean(1), labels)
    try:
        return datamodeling_score(estimate.table, plan.halves(), outputs, random)
    except ImprintError as error:
        return Missing(str(error))


def write_records(
    path: Path,
    truth: GroundTruth,
    difference: MeasuredValues,
    auc: MeasuredValues,
    estimates: Mapping[str, Estimated],
) -> None:
    """Write one row per removed record, the truth and every estimate."""
    columns: dict[str, NDArray[Any]] = {
        "index": truth.index[truth.plan.left_out],
        "difference": difference.value,
        "difference_error": difference.error,
        "auc": auc.value,
        "auc_error": auc.error,
    }
    for name, estimate in estimates.items():
        if estimate.difference is not None:
            columns[name] = estimate.difference
        columns.update({f"{name}_{kind}": values for kind, values in estimate.measures.items()})
    write_table(path, columns)


def write_tables(folder: Path, tables: Mapping[str, FloatArray]) -> None:
    """Write ``NAME.npy``, the influence of every record on every held-out query, ``[n, q]``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        with (folder / f"{name}.npy").open("wb") as file:
            np.save(file, table, allow_pickle=False)


def write_estimators(path: Path, rows: Mapping[str, EstimatorRow]) -> None:
    """Write one row per estimate; what is missing is NaN, and ends of intervals stand beside."""
    columns: dict[str, list[float]] = {}
    for row in rows.values():
        for name in ("seconds", "cpu_seconds", "peak_bytes"):
            value = getattr(row, name)
            columns.setdefault(name, []).append(np.nan if value is None else float(value))
        estimates: dict[str, Estimate | Missing] = {}
        for kind, values in (("difference", row.difference), ("auc", row.auc)):
            for coefficient in ("pearson", "spearman"):
                estimate = getattr(values, coefficient, COEFFICIENT_MISSING)
                estimates[f"{kind}_{coefficient}"] = estimate
        estimates["datamodeling"] = row.datamodeling
        for name, estimate in estimates.items():
            for end, part in (("", "value"), ("_low", "low"), ("_high", "high")):
                columns.setdefault(name + end, []).append(getattr(estimate, part, np.nan))
    names = {"index": np.arange(len(rows)), "estimator": np.array(list(rows))}
    write_table(path, {**names, **{name: np.array(values) for name, values in columns.items()}})


def _write_published(
    folder: Path,
    truth: GroundTruth,
    difference: MeasuredValues,
    auc: MeasuredValues,
    form: Estimated,
) -> None:
    """Write the truth, and one closed form, in the columns of the publication's tools."""
    rows = (truth.plan.left_out + 1).tolist()
    pairs = [truth.plan.pairs] * len(rows)
    measured = (auc.value, auc.error, difference.value, difference.error)
    published = ("auc", "auc_std", "diff", "diff_std")
    columns = [rows, pairs, *(values.tolist() for values in measured)]
    _write_csv(folder / "nn.csv", ("differ_idx", "counts", *published), columns)
    names = ("auc", "kl", "mse")
    columns = [rows, *(form.measures[name].tolist() for name in names)]
    _write_csv(folder / "nngp.csv", ("differ_idx", *names), columns)


def _write_csv(path: Path, names: Sequence[str], columns: Sequence[list[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(zip(*columns, strict=True))
