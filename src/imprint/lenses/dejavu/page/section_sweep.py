"""The section of a sweep: what of the déjà vu score depends on how encoders were trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from imprint.lenses.dejavu.page import sweep_plots
from imprint.lenses.dejavu.page.sweep_plots import STACK, Scale
from imprint.report.inputs import estimate, lookup, mapping, number
from imprint.report.section import SECTIONS, Figure, Section
from imprint.report.templating import render
from imprint.report.wording import percent, points
from imprint.stats.estimate import Estimate

EPOCHS = "epochs"
STEMS = {EPOCHS: "epochs", "per_class": "datasets"}
"""How the original release called its plots; all other axes are ``params``."""
TITLES = {EPOCHS: "epoch of training", "per_class": "training images of each class"}
TESTS = {"two_model": "", "two_model_top5": "5"}

Row = Mapping[str, Any]


@SECTIONS.register("dejavu_sweep")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of a sweep, or None when the study is none.

    Raises:
        ImprintError: a finding it needs is missing or damaged.
    """
    if "dejavu_sweep" not in mapping(summary, "lenses"):
        return None
    rows = [dict(row) for row in lookup(summary, "lenses", "dejavu_sweep", "points")]
    axes = _axes(rows)
    parts = [_part(axis, _on_axis(rows, axis)) for axis in axes]
    html = render(
        "dejavu_sweep.html.j2",
        verdict=_verdict(rows, axes),
        parts=parts,
        rows=[_table_row(row) for row in rows],
        percents=list(mapping(rows[0], "two_model")),
        probed="linear_probe" in rows[0],
    )
    anchors = [(part["anchor"], part["title"]) for part in parts]
    return Section(
        "dejavu-sweep",
        "Déjà vu, varied",
        html,
        order=12,
        anchors=(*anchors, ("dejavu-sweep-points", "Every point")),
    )


def _axes(rows: Sequence[Row]) -> list[str]:
    """Return what is varied: the epochs where there are snapshots, then the options."""
    found = list(dict.fromkeys(str(lookup(row, "axis")) for row in rows))
    snapshots = sum(row["axis"] == EPOCHS for row in rows)
    return [axis for axis in found if axis != EPOCHS or snapshots > 1 or len(found) == 1]


def _on_axis(rows: Sequence[Row], axis: str) -> list[Row]:
    """Return the points of one plot in the order of its axis."""
    if axis == EPOCHS:
        return sorted((r for r in rows if r["axis"] == EPOCHS), key=lambda r: number(r, "epoch"))
    chosen = [row for row in rows if row["axis"] == axis and row["last"]]
    if all(_is_numeric(row["value"]) for row in chosen):
        chosen.sort(key=lambda row: float(row["value"]))
    return chosen


def _is_numeric(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _scale(axis: str, rows: Sequence[Row]) -> Scale:
    labels = [str(row["epoch"] if axis == EPOCHS else row["value"]) for row in rows]
    if all(map(_is_numeric, labels)) and len(set(labels)) == len(labels):
        places = np.array([float(label) for label in labels])
    else:
        places = np.arange(len(labels), dtype=np.float64)
    return Scale(places, labels, TITLES.get(axis, _short(axis)))


def _short(axis: str) -> str:
    """Return the last name of an option's path, in words."""
    return axis.split(".")[-1].replace("_", " ")


def _part(axis: str, rows: Sequence[Row]) -> dict[str, Any]:
    scale = _scale(axis, rows)
    stem = STEMS.get(axis, f"params_{axis.split('.')[-1]}")
    figures = []
    for test, suffix in TESTS.items():
        if test not in rows[0]:
            continue
        top = f"top{suffix or rows[0]['top']}"
        named = "" if top == "top1" else f" (among the {top.removeprefix('top')} most voted)"
        lines = {
            "all" if p == "100" else f"surest {p}%": (
                [estimate(row, test, p, "target_accuracy") for row in rows],
                [estimate(row, test, p, "reference_accuracy") for row in rows],
            )
            for p in mapping(rows[0], test)
        }
        figures.append(
            Figure(
                f"Accuracy{named}",
                Markup(sweep_plots.accuracies(f"attk_{stem}_acc_{top}", scale, lines)),
                "Accuracy of naming the object from the background, on all images and on those "
                "each model is surest of, with 95% intervals over images.",
            )
        )
        widest = _widest(rows[0], test)
        found = {
            name: np.array([estimate(row, test, widest, name).value for row in rows])
            for name in STACK
        }
        figures.append(
            Figure(
                f"What the background gives away{named}",
                Markup(sweep_plots.shares(f"attk_{stem}_partition_{top}", scale, found)),
                "Memorized less forgotten is the déjà vu score. The rest, which no model gets "
                "right, is not drawn.",
            )
        )
    if "linear_probe" in rows[0]:
        figures.append(_probe_figure(stem, scale, rows))
    title = _short(axis).capitalize() if axis not in TITLES else TITLES[axis].capitalize()
    return {"anchor": f"dejavu-sweep-{stem}", "title": title, "figures": figures}


def _probe_figure(stem: str, scale: Scale, rows: Sequence[Row]) -> Figure:
    seen, held_out = (
        np.array([_probe(row, part) for row in rows]) for part in ("train", "held_out")
    )
    return Figure(
        "What a linear probe would show",
        Markup(sweep_plots.probes(f"lp_{stem}", scale, seen, held_out)),
        "Accuracy of linear probes on images the encoder was trained on and on others, the mean "
        "of A and B. Where this gap does not move with the score, it does not reveal it.",
    )


def _probe(row: Row, part: str) -> float:
    return float(np.mean([number(row, "linear_probe", side, part, "top1") for side in "AB"]))


def _verdict(rows: Sequence[Row], axes: Sequence[str]) -> str:
    scores = [(_score(row), row) for row in rows if row["last"]]
    (low, least), (high, most) = (
        pick(scores, key=lambda pair: pair[0].value) for pick in (min, max)
    )
    if least is most:
        return f"The déjà vu score is {_told(low)} points."
    return (
        f"At the end of training the déjà vu scores range from {_told(low)} points with "
        f"{_name(least)} to {_told(high)} with {_name(most)}: the least and the greatest of "
        f"{len(scores)} points, so chance has pulled them apart as well."
    )


def _score(row: Row) -> Estimate:
    return estimate(row, "two_model", _widest(row, "two_model"), "score")


def _widest(row: Row, test: str) -> str:
    """Return the largest percentage of most confident images that was asked for."""
    return max(mapping(row, test), key=float)


def _told(score: Estimate) -> str:
    return f"{points(score.value)} ({points(score.low)} to {points(score.high)})"


def _name(row: Row) -> str:
    if row["axis"] == EPOCHS:
        return "the settings as given"
    return f"{_short(row['axis'])} {row['value']}"


def _table_row(row: Row) -> dict[str, Any]:
    return {
        "name": _name(row),
        "epoch": number(row, "epoch"),
        "scores": [estimate(row, "two_model", p, "score") for p in mapping(row, "two_model")],
        "probe": (
            f"{percent(_probe(row, 'train'))} / {percent(_probe(row, 'held_out'))}"
            if "linear_probe" in row
            else None
        ),
    }
