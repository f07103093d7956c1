"""The section of the one-model test: against which references, and which images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from imprint.lenses.dejavu.page import plots
from imprint.lenses.dejavu.page.one_model_gallery import read_one_model_gallery
from imprint.lenses.dejavu.page.section import control_rows, headline_strips
from imprint.lenses.dejavu.page.verdict import below_guessing, images_of, one_model_verdict
from imprint.report.inputs import (
    as_estimate,
    estimate,
    lookup,
    mapping,
    number,
    read_columns,
)
from imprint.report.section import SECTIONS, Figure, Section
from imprint.report.templating import render
from imprint.stats.estimate import Estimate

REFERENCES = {
    "crop_classifier": "A network trained to name the object from the crop.",
    "naive_bayes": "Naive Bayes on tags of the crop.",
    "linear_head": "A linear classifier on features of a network, or of colours and edges.",
    "combined": "The normalised geometric mean of the references above.",
    "strictest": "Right where any of them is, as sure as the surest: for claims about single "
    "images; chance hits add up in it.",
}
ACCURACIES = {"target_accuracy": "The model", "reference_accuracy": "The best reference"}
COLUMNS = ("reference_accuracy", "memorized", "forgotten", "correlated")
MEMORIZED, FORGOTTEN = 1, 2


@SECTIONS.register("dejavu_one_model")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of the one-model test, or None when the study has none.

    Raises:
        ImprintError: a finding, table or picture it needs is missing or damaged.
    """
    lens = mapping(summary, "lenses").get("dejavu")
    if not isinstance(lens, Mapping) or "one_model" not in lens:
        return None
    found, data = mapping(lens, "one_model"), mapping(summary, "data")
    names = [str(name) for name in lookup(data, "class_names")]
    best = str(lookup(found, "best"))
    percents = sorted(mapping(found, "against", best, "test"), key=float, reverse=True)
    scores = [estimate(found, "against", best, "test", p, "score") for p in percents]
    unseen = _unseen(found, best, percents[0])
    tables = root / "tables" / "one_model"
    controls = control_rows(found)
    classes = _classes(tables, names, best)
    verdict = one_model_verdict(found)
    html = render(
        "dejavu_one_model.html.j2",
        verdict=verdict,
        best=best,
        headlines=headline_strips(_headlines(percents, scores, unseen)),
        below_guessing=below_guessing(
            mapping(found, "against", best, "test"), 1 / len(names), ACCURACIES
        ),
        unseen=unseen,
        claims={key: number(found, "claims", key) for key in mapping(found, "claims")},
        explained=estimate(found, "explained"),
        significance={
            key: number(found, "against", best, "significance", key)
            for key in ("memorized", "forgotten", "p_value")
        },
        figures=_figures(tables, found, best, percents, classes),
        percents=percents,
        references=[_reference(found, name, percents) for name in mapping(found, "against")],
        calibrated=bool(lookup(found, "calibration", "used")),
        agreement=[_agreement(pair) for pair in lookup(found, "agreement")],
        controls=controls,
        failed=[control["name"] for control in controls if not control["passed"]],
        public_seen=bool(lookup(data, "public_seen")),
        without_boxes=bool(lookup(data, "without_boxes")),
        corner=lookup(data, "crop_rule") == "corner",
        layer=str(lookup(data, "layer")),
        gallery=read_one_model_gallery(root / "gallery" / "one_model"),
        classes=classes,
    )
    anchors = (
        ("one-model-result", "Result"),
        ("one-model-references", "References"),
        ("one-model-gallery", "Most memorized" if verdict.kind == "found" else "Gallery"),
        ("one-model-classes", "Classes"),
    )
    return Section("dejavu_one_model", "Déjà vu of one model", html, order=11, anchors=anchors)


def _headlines(
    percents: list[str], scores: list[Estimate], unseen: Mapping[str, Estimate] | None
) -> list[tuple[str, Estimate, str]]:
    """Return title, score and sentence of each headline, the one that tells memory first."""
    lines = [
        (images_of(p), score, _sentence(p, score, unseen))
        for p, score in zip(percents, scores, strict=True)
    ]
    if unseen is None:
        return lines
    excess = unseen["excess"]
    told = (
        "The score on training images minus the score on images the model never saw, in "
        f"percentage points: the strength of the reference cancels.{_zero(excess)}"
    )
    return [("Beyond images it never saw", excess, told), *lines]


def _sentence(at: str, score: Estimate, unseen: Mapping[str, Estimate] | None) -> str:
    """Return the score in plain words."""
    images = "all attacked images" if float(at) == 100 else f"the {at}% each is most sure of"
    told = f"The model’s accuracy on {images}, less that of the best reference.{_zero(score)}"
    if unseen is None:
        return told
    return (
        f"{told} By itself it is no evidence of memorization: it also measures how strong the "
        "reference is."
    )


def _zero(score: Estimate) -> str:
    return " Zero lies within the interval." if score.low <= 0 <= score.high else ""


def _unseen(found: Mapping[str, Any], best: str, percent: str) -> dict[str, Estimate] | None:
    if "missing" in mapping(found, "unseen"):
        return None
    return {
        "score": estimate(found, "unseen", "against", best, "test", percent, "score"),
        "excess": estimate(found, "unseen", "against", best, "excess"),
        "claimed": estimate(found, "unseen", "claimed_by_chance"),
    }


def _reference(found: Mapping[str, Any], name: str, percents: list[str]) -> dict[str, Any]:
    calibration = mapping(found, "calibration")
    return {
        "name": name.replace("_", " "),
        "key": name,
        "meaning": REFERENCES.get(name, ""),
        "scores": [estimate(found, "against", name, "test", p, "score") for p in percents],
        **{key: estimate(found, "against", name, "test", percents[0], key) for key in COLUMNS},
        "temperature": number(calibration, name, "temperature") if name in calibration else None,
    }


def _agreement(pair: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "pair": " and ".join(str(lookup(pair, key)).replace("_", " ") for key in _PAIR),
        **{key: estimate(pair, key) for key in ("agreed", "both_right", "same_guess")},
        "kappa": as_estimate(lookup(pair, "kappa")),
    }


_PAIR = ("first", "second")


def _figures(
    tables: Path,
    found: Mapping[str, Any],
    best: str,
    percents: list[str],
    classes: list[dict[str, Any]],
) -> list[Figure]:
    shares = {
        float(p): {
            key: estimate(found, "against", best, "test", p, key).value
            for key in plots.CATEGORY_LABELS
        }
        for p in percents
    }
    names = (f"{best}_category", f"{best}_memorization")
    records = read_columns(tables / "records.parquet", *names)
    category, strength = records[names[0]], records[names[1]].astype(np.float64)
    drawing = plots.strength_histogram(
        strength[category == MEMORIZED], -strength[category == FORGOTTEN]
    )
    return [
        Figure(
            "What the background gives away",
            Markup(plots.category_shares(shares)),
            "Shares of the images among all and among those the model is most sure of. Correlated "
            "are those that the best reference names too.",
        ),
        Figure(
            "How strongly single images are memorized",
            Markup(drawing),
            "Images that only the model got right, by the entropy of the reference less that of "
            "the neighbours’ votes; below, those that only the reference got right, the reverse.",
        ),
        Figure(
            "Class by class",
            Markup(
                plots.class_gaps(
                    [row["name"] for row in classes],
                    np.array([row["model"] for row in classes]),
                    np.array([row["reference"] for row in classes]),
                )
            ),
            "The model’s accuracy on the images of each class, less that of the best reference.",
        ),
    ]


def _classes(tables: Path, names: list[str], best: str) -> list[dict[str, Any]]:
    """Return the classes that were attacked, those with most correlation first."""
    columns = {
        "n": "n",
        "model": "accuracy",
        "reference": f"{best}_accuracy",
        "correlated": f"correlated_{best}",
    }
    table = read_columns(tables / "classes.parquet", *columns.values())
    rows = [
        {
            "name": names[int(label)],
            **{key: float(table[column][row]) for key, column in columns.items()},
        }
        for row, label in enumerate(table["index"])
        if table["n"][row] > 0
    ]
    return sorted(rows, key=lambda row: -row["correlated"])
