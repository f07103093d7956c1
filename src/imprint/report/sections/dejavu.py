"""The déjà vu section: the score, what carries it, the images behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from imprint.report import plots
from imprint.report.gallery import read_gallery
from imprint.report.inputs import (
    Estimate,
    as_estimate,
    estimate,
    is_number,
    lookup,
    read_columns,
)
from imprint.report.section import SECTIONS, Section
from imprint.report.templating import render
from imprint.report.wording import count, decimal, percent, points
from imprint.tables import Table

QUANTITIES = {
    "score": (
        "Déjà vu score",
        "Target accuracy minus reference accuracy, each on the images that model is most sure of.",
    ),
    "paired_score": (
        "Paired score",
        "The same on one set of images, those the target is most sure of: memorized − forgotten.",
    ),
    "target_accuracy": (
        "Target accuracy",
        "How often the model that saw the image names its object from the background.",
    ),
    "reference_accuracy": (
        "Reference accuracy",
        "How often the model that never saw the image does: what background alone gives away.",
    ),
    "memorized": (
        "Memorized",
        "Only the target is right. Holds chance hits too, so read it against the next row.",
    ),
    "forgotten": (
        "Forgotten",
        "Only the reference is right. It cannot be memory: this is the noise floor.",
    ),
    "correlated": ("Correlated", "Both are right: the background is typical of its object."),
    "unassociated": ("Neither", "Neither is right: the background gives nothing away."),
}
POINT_QUANTITIES = ("score", "paired_score")
MEMORIZED, FORGOTTEN = 1, 2


@dataclass(frozen=True)
class Headline:
    """The score at one percentage, with its interval as places on a strip from 0 to 100."""

    percent: str
    score: Estimate
    sentence: str
    low: float
    high: float
    value: float
    zero: float


@dataclass(frozen=True)
class Figure:
    """A plot with its heading and the sentence under it."""

    title: str
    svg: Markup
    caption: str


@SECTIONS.register("dejavu")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of the déjà vu lens, or None when the study has none.

    Raises:
        ImprintError: a finding, table or picture it needs is missing or damaged.
    """
    if "dejavu" not in lookup(summary, "lenses"):
        return None
    findings = lookup(summary, "lenses", "dejavu")
    tables = root / "tables" / "dejavu"
    names = [str(name) for name in lookup(summary, "data", "class_names")]
    percents = sorted(lookup(findings, "two_model"), key=float, reverse=True)
    classes = _classes(tables, names)
    gallery = read_gallery(root / "gallery" / "dejavu")
    html = render(
        "dejavu.html.j2",
        verdict=_verdict(estimate(findings, "two_model", percents[0], "score")),
        headlines=_headlines(findings, percents),
        significance=lookup(findings, "significance"),
        figures=_figures(tables, findings, percents, classes),
        results=_results(findings, "two_model", percents),
        results_top5=_results(findings, "two_model_top5", percents),
        percents=percents,
        controls=_controls(findings),
        probe=findings.get("linear_probe"),
        attacked=lookup(summary, "data", "attacked"),
        classes=classes,
        classes_without_images=len(names) - len(classes),
        gallery=gallery,
    )
    anchors = [
        ("dejavu-result", "Result"),
        ("dejavu-numbers", "Numbers"),
        ("dejavu-controls", "Controls"),
        ("dejavu-gallery", "Gallery"),
        ("dejavu-classes", "Classes"),
    ]
    return Section("dejavu", "Déjà vu", html, order=10, anchors=tuple(anchors))


def _verdict(score: Estimate) -> tuple[str, str]:
    """Return the kind and the heading of what the interval of the score allows to say."""
    if score.low > 0:
        return "found", "The models remember images they were trained on"
    if score.high < 0:
        return "reversed", "The reference does better than the target: check the set-up"
    return "none", "No memorization beyond noise was found"


def _headlines(findings: Mapping[str, Any], percents: list[str]) -> list[Headline]:
    scores = [estimate(findings, "two_model", p, "score") for p in percents]
    low = min(0.0, *(score.low for score in scores))
    high = max(0.0, *(score.high for score in scores))
    pad = 0.06 * max(high - low, 0.01)

    def place(x: float) -> float:
        return round(100 * (x - low + pad) / (high - low + 2 * pad), 2)

    return [
        Headline(
            p, s, _sentence(p, s), place(s.low), place(s.high), place(s.value), round(place(0.0), 2)
        )
        for p, s in zip(percents, scores, strict=True)
    ]


def _sentence(at: str, score: Estimate) -> str:
    """Return the score in plain words."""
    images = (
        "100 training images"
        if float(at) == 100
        else f"100 training images among the {at} % each model is most sure of"
    )
    more = "more" if score.value >= 0 else "fewer"
    amount = f"about {decimal(abs(100 * score.value), 0)} {more}"
    if abs(score.value) < 0.005:
        amount = "no more" if abs(score.value) < 0.0005 else f"less than one {more}"
    sentence = (
        f"Of {images}, the background alone brings back the object of {amount} under the model "
        "that saw them than under one that did not"
    )
    if score.low <= 0 <= score.high:
        return f"{sentence}; zero lies within the interval."
    return f"{sentence}."


def _results(
    findings: Mapping[str, Any], test: str, percents: list[str]
) -> list[tuple[str, str, bool, list[Estimate]]]:
    """Return (name, meaning, whether in points, an estimate for each percentage) by quantity."""
    if test not in findings:
        return []
    return [
        (
            title,
            meaning,
            key in POINT_QUANTITIES,
            [estimate(findings, test, p, key) for p in percents],
        )
        for key, (title, meaning) in QUANTITIES.items()
    ]


def _controls(findings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the controls, failed ones first."""
    rows = []
    for name, control in findings.get("controls", {}).items():
        found = as_estimate(control.get("value"))
        value = found.value if found else control.get("value")
        rows.append(
            {
                "name": str(name).replace("_", " "),
                "what": str(lookup(control, "what")),
                "passed": bool(lookup(control, "passed")),
                "value": decimal(value, 3) if is_number(value) else "–",
                "interval": f"{decimal(found.low, 3)} to {decimal(found.high, 3)}" if found else "",
                "expected": decimal(control["expected"], 3)
                if is_number(control.get("expected"))
                else "–",
            }
        )
    return sorted(rows, key=lambda row: row["passed"])


def _classes(tables: Path, names: list[str]) -> list[dict[str, Any]]:
    """Return the classes that were attacked, largest gap first."""
    columns = ("index", "n", "target_accuracy", "reference_accuracy", "gap", "confidence_gap")
    table = read_columns(tables / "classes.parquet", *columns)
    rows = [
        {
            "name": names[int(label)] if int(label) < len(names) else f"class {label}",
            **{column: float(table[column][row]) for column in columns[1:]},
        }
        for row, label in enumerate(table["index"])
        if table["n"][row] > 0
    ]
    return sorted(rows, key=lambda row: -row["gap"])


def _figures(
    tables: Path,
    findings: Mapping[str, Any],
    percents: list[str],
    classes: list[dict[str, Any]],
) -> list[Figure]:
    figures = [
        _confidence_figure(tables, findings, percents),
        _shares_figure(findings, percents),
        _strength_figure(read_columns(tables / "records.parquet", "category", "memorization")),
    ]
    if (tables / "epochs.parquet").exists():
        figures.append(_epochs_figure(tables))
    if classes:
        figures.append(_classes_figure(classes))
    return figures


def _confidence_figure(tables: Path, findings: Mapping[str, Any], percents: list[str]) -> Figure:
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
        curve["percent"], curve["target_accuracy"], curve["reference_accuracy"], marks
    )
    return Figure(
        "The surer the model, the more often it is right",
        Markup(drawing),
        "Accuracy of naming the object from the background crop, on the images each model is most "
        "sure of. The shaded gap is the déjà vu score; whiskers are 95 % intervals.",
    )


def _shares_figure(findings: Mapping[str, Any], percents: list[str]) -> Figure:
    categories = plots.CATEGORY_LABELS
    shares = {
        float(p): {key: estimate(findings, "two_model", p, key).value for key in categories}
        for p in percents
    }
    return Figure(
        "What the background gives away, and to whom",
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
        "How memory grows with training",
        Markup(drawing),
        f"On all images. The score is largest after epoch {count(table['index'][best])}, with "
        f"{points(float(score[best]))} points (95 % interval {points(float(low[best]))} to "
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
    sizes = f"{smallest}" if smallest == largest else f"{smallest} to {largest}"
    shown = min(len(classes), plots.MOST_CLASSES)
    rest = len(classes) - shown
    tail = f" The other {count(rest)} classes are in the table below." if rest else ""
    return Figure(
        "Where the gap comes from",
        Markup(drawing),
        f"Target minus reference accuracy by class, {sizes} images a class; with one image more or "
        f"less, a class moves by {percent(1 / largest)}.{tail}",
    )
