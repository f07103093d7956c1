"""The plots of the déjà vu section: what each shows, and the sentence under it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from imprint.lenses.dejavu.page import plots
from imprint.report.inputs import estimate, read_columns
from imprint.report.section import Figure
from imprint.report.wording import count, points
from imprint.study.tables import Table

MEMORIZED, FORGOTTEN = 1, 2


def dejavu_figures(
    tables: Path,
    findings: Mapping[str, Any],
    percents: list[str],
    classes: list[dict[str, Any]],
    chance: float,
) -> list[Figure]:
    """Return the plots of the déjà vu section.

    Args:
        tables: the folder ``tables/dejavu`` of the study.
        findings: the lens's part of ``summary.json``.
        percents: the percentages of most confident images, largest first.
        classes: rows with ``name``, ``n``, ``target_accuracy`` and ``reference_accuracy``.
        chance: accuracy of guessing.

    Raises:
        ImprintError: a table or a finding is missing or damaged.
    """
    figures = [
        _confidence_figure(tables, findings, percents, chance),
        _shares_figure(findings, percents),
        _strength_figure(read_columns(tables / "records.parquet", "category", "memorization")),
    ]
    if (tables / "epochs.parquet").exists():
        figures.append(_epochs_figure(tables))
    if classes:
        figures.append(_classes_figure(classes))
    return figures


def _confidence_figure(
    tables: Path, findings: Mapping[str, Any], percents: list[str], chance: float
) -> Figure:
    curve = read_columns(
        tables / "curve.parquet", "percent", "target_accuracy", "reference_accuracy"
    )
    marks = {
        float(p): (
            estimate(findings, "two_model", p, "target_accuracy"),
            estimate(findings, "two_model", p, "reference_accuracy"),
        )
        for p in percents
    }
    drawing = plots.accuracy_by_confidence(
        curve["percent"], curve["target_accuracy"], curve["reference_accuracy"], marks, chance
    )
    return Figure(
        "Accuracy and confidence",
        Markup(drawing),
        "Accuracy of naming the object from the background crop, on the images each model is most "
        "sure of. The shaded gap is the déjà vu score; whiskers are 95% intervals.",
    )


def _shares_figure(findings: Mapping[str, Any], percents: list[str]) -> Figure:
    categories = plots.CATEGORY_LABELS
    shares = {
        float(p): {key: estimate(findings, "two_model", p, key).value for key in categories}
        for p in percents
    }
    return Figure(
        "What the background gives away",
        Markup(plots.category_shares(shares)),
        "Shares of the images among all and among those the target is most sure of. Memorized less "
        "forgotten is what training on the very image adds.",
    )


def _strength_figure(records: Table) -> Figure:
    strength = records["memorization"].astype(np.float64)
    memorized = strength[records["category"] == MEMORIZED]
    forgotten = -strength[records["category"] == FORGOTTEN]
    return Figure(
        "How strongly single images are memorized",
        Markup(plots.strength_histogram(memorized, forgotten)),
        "Each image that only one of the two models got right, by how much surer that model is. "
        "Without memory, the two sides would mirror each other.",
    )


def _epochs_figure(tables: Path) -> Figure:
    names = ("score", "score_low", "score_high", "target_accuracy", "reference_accuracy")
    table = read_columns(tables / "epochs.parquet", "index", *names)
    score, low, high, target, reference = (table[name].astype(np.float64) for name in names)
    drawing = plots.accuracy_by_epoch(
        table["index"].astype(np.float64), target, reference, (score, low, high)
    )
    best = int(np.argmax(score))
    return Figure(
        "Over the course of training",
        Markup(drawing),
        f"On all images. The score is largest after epoch {count(table['index'][best])}, with "
        f"{points(float(score[best]))} points (95% interval {points(float(low[best]))} to "
        f"{points(float(high[best]))}).",
    )


def _classes_figure(classes: list[dict[str, Any]]) -> Figure:
    drawing = plots.class_gaps(
        [row["name"] for row in classes],
        np.array([row["target_accuracy"] for row in classes]),
        np.array([row["reference_accuracy"] for row in classes]),
    )
    smallest = int(min(row["n"] for row in classes))
    largest = int(max(row["n"] for row in classes))
    sizes = count(smallest) if smallest == largest else f"{count(smallest)} to {count(largest)}"
    shown = min(len(classes), plots.MOST_CLASSES)
    rest = len(classes) - shown
    tail = f" The other {count(rest)} classes are in the table below." if rest else ""
    return Figure(
        "The gap by class",
        Markup(drawing),
        f"Target minus reference accuracy by class, {sizes} images a class. One image more or less "
        f"moves a class of {count(smallest)} by {points(1 / smallest, sign=False)} points.{tail}",
    )
