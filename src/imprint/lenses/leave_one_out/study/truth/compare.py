"""``leave-one-out compare``: closed-form values and other estimates beside retraining.

Writes ``comparison/``: ``records.parquet`` with the truth and every estimate of each record left
out, ``estimators.parquet`` with the correlations, ``findings.json``, and ``nn.csv`` and
``nngp.csv`` with the columns of the publication's tools. In these, ``differ_idx`` counts from 1,
``auc_std`` and ``diff_std`` are standard errors, and ``mse`` and ``kl`` are positive.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.lenses.leave_one_out.posterior.options import KernelChoice
from imprint.lenses.leave_one_out.study.truth.estimators import (
    Estimated,
    closed_forms,
    from_gradients,
    label_margins,
)
from imprint.lenses.leave_one_out.study.truth.lines import lines_step
from imprint.lenses.leave_one_out.study.truth.retrain import (
    GroundTruth,
    check_comparison,
    ground_truth,
)
from imprint.lenses.leave_one_out.study.truth.retrain_options import (
    ComparisonOptions,
    RetrainingOptions,
)
from imprint.lenses.leave_one_out.truth.ground_truth import (
    Measured,
    attack_auc,
    correlations,
    datamodeling_score,
    noise_ceiling,
    prediction_difference,
    root_difference,
)
from imprint.lenses.leave_one_out.truth.matching import typical_mean_square, variances
from imprint.lenses.leave_one_out.truth.paired_auc import paired_auc
from imprint.lenses.leave_one_out.truth.starts import mean_over_records, root_of
from imprint.report.summary import finish
from imprint.stats import mean_share, within_unit
from imprint.stats.ranks import midranks
from imprint.study.hashing import hash_arrays
from imprint.study.json_io import read_json, write_json
from imprint.study.options import DataChoice
from imprint.study.step_settings import card_settings, fields_of
from imprint.study.store import Study
from imprint.study.tables import write_table

STEP = "comparison"
NETWORKS = (*fields_of(KernelChoice, DataChoice), "train")
"""Options that are on the card of the networks."""


def retrain_study(options: RetrainingOptions) -> dict[str, Any]:
    """Retrain, measure, and write the page; return the content of ``summary.json``.

    Raises:
        ImprintError: images or options that cannot be used, or a study made with other settings.
    """
    study = Study(options.out)
    with study.locked():
        truth = ground_truth(study, options)
        within, without = own_logits(truth)
        found = {"retraining": _retraining(truth, within, without, options.seed)}
        found |= lines_step(study, truth, options)
        return finish(study, options, dict(truth.facts), {"leave_one_out": found})


def compare_study(options: ComparisonOptions) -> dict[str, Any]:
    """Retrain what is missing, estimate, compare; return the content of ``summary.json``.

    Raises:
        ImprintError: as :func:`retrain_study`, or an unknown estimator.
    """
    check_comparison(options)
    study = Study(options.out)
    with study.locked():
        truth = ground_truth(study, options)
        settings = {
            **truth.plan.settings(),
            "kernel": asdict(truth.kernel),
            "index": hash_arrays(truth.index),
            **card_settings(options, without=NETWORKS),
        }
        folder = study.step(STEP, settings, lambda path: _compare(path, truth, options))
        within, without = own_logits(truth)
        found = {
            "retraining": _retraining(truth, within, without, options.seed),
            "comparison": read_json(folder / "findings.json"),
            **lines_step(study, truth, options),
        }
        return finish(study, options, dict(truth.facts), {"leave_one_out": found})


def own_logits(truth: GroundTruth) -> tuple[FloatArray, FloatArray]:
    """Return the logits at each record left out of networks with and without it, ``[r, K, c]``."""
    rows = truth.plan.left_out.tolist()
    within = np.stack([truth.logits.within[:, row] for row in rows])
    without = np.stack([truth.logits.without[row][:, row] for row in rows])
    return within.astype(np.float64), without.astype(np.float64)


def _retraining(
    truth: GroundTruth, within: FloatArray, without: FloatArray, seed: int
) -> dict[str, Any]:
    plan = truth.plan
    labels = plan.data.labels.cpu().numpy()
    right = (truth.logits.within.argmax(2) == labels).mean(0)
    random = generator(seed, "retraining")
    accuracy = {"records": mean_share(right[: plan.records], random).to_dict()}
    if len(right) > plan.records:
        accuracy["queries"] = mean_share(right[plan.records :], random).to_dict()
    difference, auc = prediction_difference(within, without), attack_auc(within, without)
    typical = typical_mean_square(truth.inputs[: plan.records])
    return {
        "records": plan.records,
        "left_out": len(plan.left_out),
        "pairs": plan.pairs,
        "networks": plan.settings()["networks"],
        "train": plan.options.settings(),
        "variances": variances(truth.kernel, typical).tolist(),
        "accuracy": accuracy,
        "root_difference": root_of(mean_over_records(_difference, within, without)).to_dict(),
        "difference_error": float(np.median(difference.error)),
        "auc": within_unit(mean_over_records(paired_auc, within, without)).to_dict(),
        "auc_error": float(np.median(auc.error)),
        "ceiling": _ceilings(within, without, seed),
    }


def _difference(within: FloatArray, without: FloatArray) -> FloatArray:
    return prediction_difference(within, without).value


def _ceilings(within: FloatArray, without: FloatArray, seed: int) -> dict[str, Any]:
    """Return the attainable correlations, by truth and coefficient."""
    # Halves reach as high as all networks only where a measure does not depend on their number.
    none = {"missing": "an attack that is fitted to half of the networks is a weaker one"}
    if len(within) < 3:
        return {"difference": {"missing": "needs 3 records left out"}, "auc": none}
    readings = {"pearson": root_difference, "spearman": _ranked(root_difference)}
    found = {
        coefficient: noise_ceiling(
            within, without, reading, generator(seed, "ceiling", "difference", coefficient)
        ).to_dict()
        for coefficient, reading in readings.items()
    }
    return {"difference": found, "auc": none}


def _ranked(
    measure: Callable[[FloatArray, FloatArray], FloatArray],
) -> Callable[[FloatArray, FloatArray], FloatArray]:
    return lambda within, without: midranks(measure(within, without))


def _compare(folder: Path, truth: GroundTruth, options: ComparisonOptions) -> None:
    within, without = own_logits(truth)
    difference, auc = prediction_difference(within, without), attack_auc(within, without)
    forms = closed_forms(truth, options)
    gradients = from_gradients(truth, options)
    estimates = {**forms, **gradients.made}
    truths = {"difference": root_difference(within, without), "auc": auc.value}
    rows = {
        name: _row(name, found, truths, truth, options.seed) for name, found in estimates.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    index = truth.index[truth.plan.left_out]
    first = next(iter(forms.values()))
    write_records(folder, index, difference, auc, estimates)
    write_estimators(folder, rows)
    write_nn(folder / "nn.csv", truth, difference, auc)
    write_nngp(folder / "nngp.csv", truth, first)
    findings = {
        "estimators": rows,
        "skipped": dict(gradients.skipped),
        "training": None if gradients.training is None else asdict(gradients.training),
        "device": truth.plan.data.inputs.device.type,
    }
    write_json(folder / "findings.json", findings)


def _row(
    name: str,
    found: Estimated,
    truths: Mapping[str, FloatArray],
    truth: GroundTruth,
    seed: int,
) -> dict[str, Any]:
    """Return what is told of one estimate."""
    random = generator(seed, "compare", name)
    row: dict[str, Any] = {
        **asdict(found.cost),
        "facts": dict(found.facts),
    }
    for kind, scores in (("difference", found.difference), ("auc", found.auc)):
        if scores is None:
            row[kind] = {"missing": str(found.facts["no_self"])}
            continue
        try:
            told = correlations(scores, truths[kind], random)
            row[kind] = {coefficient: value.to_dict() for coefficient, value in told.items()}
        except ImprintError as error:
            row[kind] = {"missing": str(error)}
    row["datamodeling"] = _datamodeling(found, truth, random)
    return row


def _datamodeling(
    found: Estimated, truth: GroundTruth, random: np.random.Generator
) -> dict[str, Any]:
    said, plan = truth.logits.subsets, truth.plan
    if said is None or said.shape[1] == plan.records:
        return {"missing": "needs networks trained on subsets, and held-out queries"}
    labels = plan.data.labels.cpu().numpy()[plan.records :]
    outputs = label_margins(said[:, plan.records :], labels)
    try:
        return datamodeling_score(found.table, plan.halves(), outputs, random).to_dict()
    except ImprintError as error:
        return {"missing": str(error)}


def write_records(
    folder: Path,
    index: NDArray[np.int64],
    difference: Measured,
    auc: Measured,
    estimates: Mapping[str, Estimated],
) -> None:
    """Write one row a record left out, the truth and every estimate."""
    columns: dict[str, NDArray[Any]] = {
        "index": index,
        "difference": difference.value,
        "difference_error": difference.error,
        "auc": auc.value,
        "auc_error": auc.error,
    }
    for name, found in estimates.items():
        if found.difference is not None:
            columns[name] = found.difference
        columns.update({f"{name}_{kind}": values for kind, values in found.measures.items()})
    write_table(folder / "records.parquet", columns)


def write_estimators(folder: Path, rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Write one row an estimate; what is missing is NaN, and ends of intervals stand beside."""

    def number(row: Mapping[str, Any], *keys: str | int) -> float:
        value: Any = row
        for key in keys:
            if isinstance(key, int):
                value = None if value is None else value[key]
            else:
                value = value.get(key) if isinstance(value, Mapping) else None
        return float("nan") if value is None else float(value)

    columns: dict[str, NDArray[Any]] = {
        "index": np.arange(len(rows)),
        "estimator": np.array(list(rows)),
    }
    for name in ("seconds", "cpu_seconds", "peak_bytes"):
        columns[name] = np.array([number(row, name) for row in rows.values()])
    estimates: list[tuple[str, ...]] = [
        (kind, coefficient)
        for kind in ("difference", "auc")
        for coefficient in ("pearson", "spearman")
    ]
    for keys in (*estimates, ("datamodeling",)):
        parts: dict[str, tuple[str | int, ...]] = {
            "": ("value",),
            "_low": ("ci95", 0),
            "_high": ("ci95", 1),
        }
        for end, part in parts.items():
            columns["_".join(keys) + end] = np.array(
                [number(row, *keys, *part) for row in rows.values()]
            )
    write_table(folder / "estimators.parquet", columns)


def write_nn(path: Path, truth: GroundTruth, difference: Measured, auc: Measured) -> None:
    """Write the truth in the columns of the publication's tool."""
    names = ("differ_idx", "counts", "auc", "auc_std", "diff", "diff_std")
    columns = (auc.value, auc.error, difference.value, difference.error)
    rows = [
        (int(row) + 1, truth.plan.pairs, *(float(column[place]) for column in columns))
        for place, row in enumerate(truth.plan.left_out)
    ]
    _write_csv(path, names, rows)


def write_nngp(path: Path, truth: GroundTruth, found: Estimated) -> None:
    """Write one closed form in the columns of the publication's tool."""
    names = ("auc", "kl", "mse")
    rows = [
        (int(row) + 1, *(float(found.measures[name][place]) for name in names))
        for place, row in enumerate(truth.plan.left_out)
    ]
    _write_csv(path, ("differ_idx", *names), rows)


def _write_csv(path: Path, names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)
