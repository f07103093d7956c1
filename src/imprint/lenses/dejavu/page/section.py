"""The déjà vu section: the score, what carries it, the images behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.lenses.dejavu.page.figures import dejavu_figures
from imprint.lenses.dejavu.page.verdict import (
    below_guessing,
    images_of,
    percents_of,
    two_model_verdict,
)
from imprint.report.album import read_gallery
from imprint.report.inputs import (
    as_estimate,
    estimate,
    is_number,
    lookup,
    mapping,
    number,
    read_columns,
)
from imprint.report.section import SECTIONS, Section
from imprint.report.templating import render
from imprint.report.wording import MISSING, decimal
from imprint.stats.estimate import Estimate

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
PROBE_KEYS = ("n", "top1", "top5")
OTHER_METRIC = {"l2": "cosine", "cosine": "L2"}
ACCURACIES = {"target_accuracy": "The target", "reference_accuracy": "The reference"}
POINT_QUANTITIES = ("score", "paired_score")


@dataclass(frozen=True)
class ScoreStrip:
    """A score with its interval as places on a strip from 0 to 100."""

    title: str
    score: Estimate
    sentence: str
    low: float
    high: float
    value: float
    zero: float


@SECTIONS.register("dejavu")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of the déjà vu lens, or None when the study has none.

    Raises:
        ImprintError: a finding, table or picture it needs is missing or damaged.
    """
    if "dejavu" not in mapping(summary, "lenses"):
        return None
    findings = mapping(summary, "lenses", "dejavu")
    if "two_model" not in findings and "one_model" in findings:
        return None
    tables = root / "tables" / "dejavu"
    names = [str(name) for name in lookup(summary, "data", "class_names")]
    percents = percents_of(mapping(findings, "two_model"))
    scores = [estimate(findings, "two_model", p, "score") for p in percents]
    classes = _classes(tables, names)
    controls = control_rows(findings)
    gallery = read_gallery(root / "gallery" / "dejavu")
    html = render(
        "dejavu.html.j2",
        verdict=two_model_verdict(findings),
        headlines=headline_strips(
            [(images_of(p), s, _sentence(p, s)) for p, s in zip(percents, scores, strict=True)]
        ),
        below_guessing=below_guessing(mapping(findings, "two_model"), 1 / len(names), ACCURACIES),
        significance={
            key: number(findings, "significance", key)
            for key in ("memorized", "forgotten", "p_value")
        },
        figures=dejavu_figures(tables, findings, percents, classes, chance=1 / len(names)),
        results=_results(findings, "two_model", percents),
        results_top5=_results(findings, "two_model_top5", percents),
        results_other_metric=_results(findings, "two_model_other_metric", percents),
        other_metric=OTHER_METRIC.get(summary.get("settings", {}).get("metric", "l2"), "cosine"),
        by_logits=summary.get("settings", {}).get("decision") == "logits",
        percents=percents,
        controls=controls,
        failed=[control["name"] for control in controls if not control["passed"]],
        top=summary.get("settings", {}).get("top", 1),
        probe=_probe(findings),
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


def headline_strips(lines: Sequence[tuple[str, Estimate, str]]) -> list[ScoreStrip]:
    """Return scores as headlines, all on one strip that holds every interval and zero.

    Args:
        lines: title, score and the score in plain words.
    """
    low = min(0.0, *(score.low for _, score, _ in lines))
    high = max(0.0, *(score.high for _, score, _ in lines))
    pad = 0.06 * max(high - low, 0.01)

    def place(x: float) -> float:
        return round(100 * (x - low + pad) / (high - low + 2 * pad), 2)

    return [
        ScoreStrip(
            title, s, sentence, place(s.low), place(s.high), place(s.value), round(place(0.0), 2)
        )
        for title, s, sentence in lines
    ]


def _sentence(at: str, score: Estimate) -> str:
    """Return the score in plain words."""
    images = (
        "100 training images"
        if float(at) == 100
        else f"100 training images among the {at}% each model is most sure of"
    )
    amount = decimal(abs(100 * score.value), 0)
    more = "more" if score.value > 0 else "fewer"
    compared = (
        "as many under the model that saw them as under one that did not"
        if amount == "0"
        else f"{amount} {more} under the model that saw them than under one that did not"
    )
    uncertain = "; zero lies within the interval" if score.low <= 0 <= score.high else ""
    return (
        f"Of {images}, the background alone brings back the object of about {compared}{uncertain}."
    )


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


def control_rows(findings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the controls, failed ones first."""
    rows = []
    for name, control in (mapping(findings, "controls") if "controls" in findings else {}).items():
        found = as_estimate(control.get("value"))
        value = found.value if found else control.get("value")
        expected = control.get("expected")
        rows.append(
            {
                "name": str(name).replace("_", " "),
                "what": str(lookup(control, "what")),
                "passed": bool(lookup(control, "passed")),
                "value": decimal(value, 3) if is_number(value) else MISSING,
                "interval": f"{decimal(found.low, 3)} to {decimal(found.high, 3)}" if found else "",
                "expected": decimal(expected, 3) if is_number(expected) else MISSING,
            }
        )
    return sorted(rows, key=lambda row: row["passed"])


def _probe(findings: Mapping[str, Any]) -> list[tuple[str, str, dict[str, float]]]:
    """Return (model, which images, their number and the accuracies on them)."""
    if not findings.get("linear_probe"):
        return []
    return [
        (
            str(model),
            title,
            {key: number(findings, "linear_probe", model, name, key) for key in PROBE_KEYS},
        )
        for model in mapping(findings, "linear_probe")
        for name, title in (("train", "seen in training"), ("held_out", "held out"))
    ]


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
