"""The section of a sweep: how the déjà vu score depends on training and attack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imprint.lenses.dejavu.findings import SweepFindings, SweepPoint
from imprint.lenses.dejavu.page import sweep_figures
from imprint.lenses.dejavu.page.public_images import public_images
from imprint.lenses.dejavu.page.sweep_figures import SweptAxis
from imprint.lenses.dejavu.page.tables import sweep_table
from imprint.lenses.dejavu.page.verdict import in_points, percents_of
from imprint.report.blocks import Block, Bullets, Figures, Paragraph, Part, Verdict
from imprint.report.figure import Figure
from imprint.report.section import SECTIONS, Section
from imprint.report.summary_file import mapping
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json

EPOCHS = "epochs"
STEMS = {EPOCHS: "epochs", "per_class": "datasets"}
"""Names of the plots in the original release; all other axes are ``params``."""
TITLES = {EPOCHS: "epoch of training", "per_class": "training images of each class"}
NOT_SHOWN = (
    "Each point is one pair of encoders. Intervals are over images only: another training seed "
    "may move a point further.",
    "A small score does not make a setting safe: it may have learnt less in general.",
)


@SECTIONS.register("dejavu_sweep")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of a sweep, or None when the study is none.

    Raises:
        ImprintError: a finding it needs is missing or damaged.
    """
    lenses = mapping(summary, "lenses")
    if "dejavu_sweep" not in lenses:
        return None
    points = from_json(SweepFindings, lenses["dejavu_sweep"], "summary.json").points
    axes = varied_axes(points)
    note = "The déjà vu score in percentage points, with its 95% interval over images"
    if points[0].linear_probe is not None:
        note += "; the accuracy of linear probes on members and on non-members"
    every = Paragraph(f"{note}. All options that are not named have their base settings.")
    numbers: list[Block] = [every, sweep_table(points), *public_images(mapping(summary, "data"))]
    content: list[Block] = [
        Verdict(
            "Déjà vu against how the encoders were trained and attacked",
            [_verdict(points)],
            found=False,
        ),
        *(_part(axis, points_on_axis(points, axis)) for axis in axes),
        Part(
            "Every point",
            numbers,
            "dejavu-sweep-points",
            "Every point",
        ),
        Part("", [Bullets(NOT_SHOWN, "What not to conclude")]),
    ]
    return Section("dejavu-sweep", "Déjà vu, varied", content, order=12)


def varied_axes(points: Sequence[SweepPoint]) -> list[str]:
    """Return what is varied: the epochs where there are snapshots, then the options."""
    axes = list(dict.fromkeys(point.axis for point in points))
    snapshots = sum(point.axis == EPOCHS for point in points)
    return [axis for axis in axes if axis != EPOCHS or snapshots > 1 or len(axes) == 1]


def points_on_axis(points: Sequence[SweepPoint], axis: str) -> list[SweepPoint]:
    """Return the points of one plot in the order of its axis."""
    if axis == EPOCHS:
        return sorted((p for p in points if p.axis == EPOCHS), key=lambda point: point.epoch)
    chosen = [point for point in points if point.axis == axis and point.last]
    if all(_is_numeric(point.value) for point in chosen):
        chosen.sort(key=lambda point: float(point.value))
    return chosen


def _is_numeric(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def swept_axis(axis: str, points: Sequence[SweepPoint]) -> SweptAxis:
    """Return where the points of a plot lie: at their numbers, or side by side."""
    labels = [str(point.epoch if axis == EPOCHS else point.value) for point in points]
    places = [float(place) for place in range(len(labels))]
    if all(map(_is_numeric, labels)) and len(set(labels)) == len(labels):
        places = [float(label) for label in labels]
    return SweptAxis(places, labels, TITLES.get(axis, _option_in_words(axis)))


def _option_in_words(axis: str) -> str:
    """Return the last name of an option's path, in words."""
    return axis.split(".")[-1].replace("_", " ")


def _part(axis: str, points: Sequence[SweepPoint]) -> Part:
    swept = swept_axis(axis, points)
    stem = STEMS.get(axis, f"params_{axis.split('.')[-1]}")
    figures: list[Figure] = []
    for top, test in (
        (points[0].top, [point.two_model for point in points]),
        (5, [point.two_model_top5 for point in points if point.two_model_top5]),
    ):
        if len(test) == len(points):
            title = "" if top == 1 else f" (among the {top} most voted)"
            figures.append(sweep_figures.accuracies(f"{stem}_acc_top{top}", swept, test, title))
            figures.append(sweep_figures.shares(f"{stem}_partition_top{top}", swept, test, title))
    if points[0].linear_probe is not None:
        figures.append(sweep_figures.probes(f"lp_{stem}", swept, points))
    heading = (TITLES.get(axis) or _option_in_words(axis)).capitalize()
    return Part(heading, [Figures(figures, in_rows=True)], f"dejavu-sweep-{stem}", heading)


def _verdict(points: Sequence[SweepPoint]) -> str:
    last = [point for point in points if point.last]
    least, most = (pick(last, key=lambda point: _score(point).value) for pick in (min, max))
    if least is most:
        return f"The déjà vu score is {in_points(_score(least))}."
    return (
        f"At the end of training the déjà vu scores range from {in_points(_score(least))} with "
        f"{_name(least)} to {in_points(_score(most))} with {_name(most)}: the least and the "
        f"greatest of {len(last)} points, so chance contributes to the difference."
    )


def _score(point: SweepPoint) -> Estimate:
    return point.two_model[percents_of(point.two_model)[0]].score


def _name(point: SweepPoint) -> str:
    if point.axis == EPOCHS:
        return "the base settings"
    return f"{_option_in_words(point.axis)} {point.value}"
