"""The plots of a cohort: what each shows, and the sentence under it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from imprint.core.arrays import FloatArray
from imprint.lenses.membership.cohort.agreement import Agreement
from imprint.lenses.membership.findings import AttackFinding, names_best_first
from imprint.lenses.membership.page import plots as plots
from imprint.lenses.membership.page.figures import intersection_figure
from imprint.report.inputs import lookup, mapping, number, read_columns
from imprint.report.section import Figure
from imprint.report.wording import count, decimal, percent, plural
from imprint.study.finding import from_json
from imprint.study.tables import Table

YARDSTICK = "loss"


def cohort_figures(folder: Path, findings: Mapping[str, Any]) -> list[Figure]:
    """Return what attacks find, and how far they agree.

    Args:
        folder: ``membership`` of the study.
        findings: of the membership lens.

    Raises:
        ImprintError: a table is missing or damaged.
    """
    attacks = from_json(dict[str, AttackFinding], findings["attacks"], "summary.json")
    names = names_best_first(attacks)
    curves = read_columns(folder / "curves.parquet", "fpr", *names)
    cohort = mapping(findings, "cohort")
    models = int(number(cohort, "models"))
    figures = [_curves(curves, names, models, int(number(cohort, "records")))]
    overlap = np.array(lookup(findings, "agreement", "overlap"), dtype=np.float64)
    listed = [str(name) for name in lookup(findings, "agreement", "attacks")]
    if len(listed) > 1:
        figures.append(_agreement(listed, overlap, names))
    figures += _intersections(mapping(findings, "agreement"), models)
    return figures


def _curves(curves: Table, names: list[str], models: int, records: int) -> Figure:
    shown = _different(curves, names)
    rates = curves["fpr"].astype(np.float64)
    drawn = {label: curves[name].astype(np.float64) for label, name in shown.items()}
    tenth = {label: float(y[np.searchsorted(rates, 0.1 - 1e-12)]) for label, y in drawn.items()}
    return Figure(
        "Members found, by the false alarms allowed",
        Markup(
            plots.log_curves(
                {label: (rates, y) for label, y in drawn.items()},
                tenth,
                float(rates[0]),
                1 / records,
            )
        ),
        f"The mean over {plural(models, 'model')}, each with thresholds of its own and no step "
        f"interpolated. Nothing is drawn below {percent(float(rates[0]), 2)}, which so few "
        "non-members cannot show. The dotted line is guessing; attacks that order all records "
        "alike share a line.",
    )


def _different(curves: Table, names: list[str]) -> dict[str, str]:
    """Return the best attacks whose curves differ, and the loss, as label → column."""
    alike: dict[bytes, list[str]] = {}
    for name in names:
        alike.setdefault(np.round(curves[name], 12).tobytes(), []).append(name)
    labels = {" = ".join(same): same[0] for same in alike.values()}
    shown = list(labels)[: plots.MOST_CURVES]
    yardstick = [label for label in labels if YARDSTICK in label.split(" = ")]
    if yardstick and yardstick[0] not in shown:
        shown[-1] = yardstick[0]
    return {label: labels[label] for label in shown}


def _agreement(listed: list[str], overlap: FloatArray, names: list[str]) -> Figure:
    chosen = names[: plots.MOST_ATTACKS]
    rows = [listed.index(name) for name in chosen]
    return Figure(
        "Do attacks suspect the same records?",
        Markup(plots.agreement_matrix(chosen, overlap[np.ix_(rows, rows)])),
        "Of the records that each attack suspects most, the percentage that the other suspects as "
        "well, of the smaller set; the mean over all models.",
    )


def _intersections(agreement: Mapping[str, Any], models: int) -> list[Figure]:
    """Return which records are suspected together; nothing where an older version did not ask."""
    if "intersections" not in agreement:
        return []
    found = mapping(agreement, "intersections")
    patterns = [tuple(map(bool, pattern)) for pattern in lookup(found, "patterns")]
    counts = [float(value) for value in lookup(found, "counts")]
    attacks = [[str(name) for name in same] for same in lookup(found, "attacks")]
    others = int(number(found, "others"))
    counted = list(zip(patterns, counts, strict=True))
    return intersection_figure(Agreement(attacks, counted, others), models)


def memorization_figure(folder: Path, findings: Mapping[str, Any]) -> Figure:
    """Return the histogram of memorization; arguments and errors as :func:`cohort_figures`."""
    records = read_columns(folder / "records.parquet", "memorization")
    score = records["memorization"].astype(np.float64)
    known = score[np.isfinite(score)]
    cut = number(findings, "memorization", "cut")
    bound = number(findings, "memorization", "standard_error_bound")
    return Figure(
        "How much training on an image adds",
        Markup(plots.memorization_histogram(known, cut)),
        f"Of each of {count(len(known))} images, how much more often models get it right that were "
        f"trained on it than models that were not. To the right of {decimal(cut, 2)} an image "
        "counts as memorized. What noise alone does can be seen on the left of 0: there is no "
        f"reason for a negative score. Standard error of one score: up to {decimal(bound, 2)}.",
    )
