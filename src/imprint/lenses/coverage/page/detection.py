"""Blocks of a detector and its quality without neurons, on the page and the terminal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from imprint.lenses.coverage.detectors.findings import AblatedDetector, Detection
from imprint.report.blocks import Block, Figures, Part, Verdict, conclusions
from imprint.report.figure import Axis, Lines, Series
from imprint.report.lens import LensVerdict
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import Printed
from imprint.report.wording import (
    count,
    fixed,
    percent,
    plural,
    points,
    short_points,
    with_interval,
)

TITLES = {
    "mean_iou": "mean IoU",
    "confidence": "confidence",
    "recall": "recall",
    "mean_average_precision": "mAP",
}
NOTE = (
    "Drops in percentage points, with 95% intervals for other images. Matched: random neurons, as "
    "many of each layer as the leading ones; anywhere: as many of all layers; mean, with the range "
    "of 95% of the draws. The p-value is the share of matched draws that cost at least as much, "
    "the leading neurons among them."
)
SIGNIFICANT = 0.05
NEGLIGIBLE = 0.0005
"""Below which a share is written as 0.0%."""


def detection_blocks(detection: Detection) -> Iterator[Block]:
    """Yield verdict, figure, tables and conclusions of ``coverage detection``."""
    quality = ", ".join(
        f"{title} {with_interval(detection.quality[name])}" for name, title in TITLES.items()
    )
    yield Verdict(
        detection_headline(detection),
        [
            f"Which parts of the detector matter, and do tests reach them? On "
            f"{plural(detection.tests, 'test image')} with {plural(detection.objects, 'object')} "
            f"it has {quality}. {plural(detection.ranked_on, 'other image')} ranked the neurons by "
            f"{detection.attribution}."
        ],
        found=bool(clear_metrics(detection)),
        anchor="coverage-result",
        link="Coverage",
    )
    yield Figures([precision_curves(detection)])
    blocks, *drops = detection_tables(detection)
    yield Part("Blocks", [blocks], "coverage-blocks", "Blocks")
    yield Part("Quality without neurons", drops, "coverage-detection", "Ablation")
    yield conclusions(
        [
            "Which blocks carry what the detector reports, beside how large they are and how much "
            "of what training showed in them the tests reach.",
            "Whether the ranked neurons are ones that it cannot spare.",
        ],
        [
            "Importance is of the evidence for reported boxes, not for what was overlooked.",
            "Images are stretched to squares, which costs quality where a detector was trained on "
            "other shapes.",
        ],
    )


def clear_metrics(detection: Detection) -> list[str]:
    """Return the measures that fall further than without matched neurons at every size."""
    return [
        name
        for name in TITLES
        if all(_is_clear(each, name) for each in detection.ablated) and detection.ablated
    ]


def _is_clear(ablated: AblatedDetector, name: str) -> bool:
    drop = ablated.drops[name]
    return drop.drop.value > 0 and drop.p <= SIGNIFICANT


def finds_nothing(detection: Detection) -> bool:
    """Return whether no object is detected, as a percentage with one decimal says it."""
    quality = detection.quality
    return max(quality[name].value for name in ("recall", "mean_average_precision")) < NEGLIGIBLE


def detection_headline(detection: Detection) -> str:
    """Return the main finding as one sentence without its full stop."""
    clear = clear_metrics(detection)
    neurons = f"The leading neurons by {detection.attribution}"
    if finds_nothing(detection):
        return (
            f"The detector finds none of the {plural(detection.objects, 'object')} at a threshold "
            f"of {detection.threshold:g}, so it has nothing to lose"
        )
    if not clear:
        return f"{neurons} do not cost more than random ones of the same layers at every size"
    names = _enumerate([TITLES[name] for name in clear])
    return f"{neurons} cost more {names} than random ones of the same layers"


def _enumerate(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def detection_verdict(detection: Detection) -> LensVerdict:
    """Return the main finding in a line."""
    return LensVerdict(detection_headline(detection), bool(clear_metrics(detection)))


def detection_lines(detection: Detection) -> list[Printed]:
    """Return tables and the main finding, for the terminal."""
    return [*detection_tables(detection), detection_headline(detection)]


def detection_tables(detection: Detection) -> list[Table]:
    """Return the blocks, the quality of the whole detector, and the drops."""
    blocks = Table(
        [
            Column("Block"),
            Column("Parameters", count, on_phone=False),
            Column("Share", percent, key="parameter_share"),
            Column("Neurons", count, on_phone=False),
            Column("Importance", percent),
            Column("Coverage", percent),
        ],
        [
            [
                each.name,
                each.parameters,
                each.parameter_share,
                each.neurons,
                each.importance,
                each.coverage,
            ]
            for each in detection.blocks
        ],
        title="Blocks of the detector",
        note=f"Importance: share of the absolute scores of all neurons by {detection.attribution}."
        f" Coverage: {detection.criterion.upper()} of the neurons of the block by the tests.",
    )
    whole = Table(
        [Column("Measure"), Column("Value", percent)],
        [[title, detection.quality[name]] for name, title in TITLES.items()],
        title="Quality of the whole detector",
        note="Overlap and recall are of boxes of the right class with a score of at least "
        f"{detection.threshold:g}; recall counts overlaps of at least one half. Intervals "
        "are for other images, drawn whole.",
    )
    columns = [
        Column("Measure"),
        Column("Neurons", count),
        Column("Drop", points, unit="points"),
        Column("Matched", points, key="matched"),
        Column("Anywhere", points, key="anywhere", on_phone=False),
        Column("p", fixed(3)),
    ]
    rows = [_row(name, title, each) for name, title in TITLES.items() for each in detection.ablated]
    return [blocks, whole, Table(columns, rows, title="Without leading neurons", note=NOTE)]


def _row(name: str, title: str, ablated: AblatedDetector) -> list[Value | Cell]:
    drop = ablated.drops[name]
    spreads = [
        Cell(each.mean, note=f"{points(each.low)} to {points(each.high)}")
        for each in (drop.matched, drop.anywhere)
    ]
    return [title, ablated.neurons, drop.drop, *spreads, drop.p]


def precision_curves(detection: Detection) -> Lines:
    """Return the drop of the mean average precision by number of neurons."""
    name = "mean_average_precision"
    sizes = np.array([float(each.neurons) for each in detection.ablated])
    drops = [each.drops[name] for each in detection.ablated]
    matched = [each.matched for each in drops]
    leading = Series(
        detection.attribution, sizes, np.array([each.drop.value for each in drops]), marker="dot"
    )
    random = Series(
        "random, matched",
        sizes,
        np.array([each.mean for each in matched]),
        np.array([each.low for each in matched]),
        np.array([each.high for each in matched]),
        band=True,
        colour="muted",
        dash="dotted",
    )
    return Lines(
        name="coverage-detection-drops",
        title="Average precision lost by number of neurons taken away",
        caption="The band holds 95% of the random sets of the same layers.",
        description=f"Curves, drop in points without {count(sizes[-1])} neurons: "
        f"{detection.attribution} {points(drops[-1].drop.value)}, random "
        f"{points(matched[-1].mean)}.",
        x=Axis("neurons taken away", count, low=0, whole=True),
        y=Axis("drop in points", short_points),
        series=[leading, random],
        areas=(),
        height=300,
    )
