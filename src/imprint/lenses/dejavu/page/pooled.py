"""What several training seeds find together: part of the page, table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imprint.lenses.dejavu.page.tables import cut_title
from imprint.lenses.dejavu.page.verdict import in_points, percents_of
from imprint.lenses.dejavu.pooled_findings import PooledFindings
from imprint.report.blocks import Block, Figures, Paragraph, Part
from imprint.report.figure import Axis, Interval, IntervalGroup, Intervals, Level
from imprint.report.inputs import read_columns
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.wording import count, plural, points, short_points
from imprint.study.finding import from_json

KEY = "pooled"
MAX_DRAWN_SEEDS = 20
MAX_COUNTED_SEEDS = 8


def pooled_in(lens: Mapping[str, Any]) -> PooledFindings | None:
    """Return the pooled test of a part of ``summary.json``; None where there was one seed.

    Raises:
        ImprintError: it is damaged.
    """
    return from_json(PooledFindings, lens[KEY], "summary.json") if KEY in lens else None


def pooled_part(pooled: PooledFindings, records: Path) -> Part:
    """Return the part of the page.

    Args:
        pooled: the findings.
        records: the table of images that they were pooled from.
    """
    blocks: list[Block] = [
        Paragraph(pooled_sentence(pooled), "plain"),
        Figures([seeds_figure(pooled)]),
        pooled_table(pooled, caption=f"Points. {pooled.covers}."),
        Paragraph(
            "The interval of one seed is over images alone: it says nothing of what another seed "
            "would give. What an image does under one seed alone counts with the seeds. The pooled "
            "interval is for other seeds and other images; with few seeds it is wide, since their "
            "spread is badly known, and it covers at least 95%."
        ),
        _repeats(records, len(pooled.seeds)),
    ]
    return Part("Over training seeds", blocks, "dejavu-seeds", "Seeds")


def pooled_sentence(pooled: PooledFindings) -> str:
    """Return the pooled score on all attacked images and what it varies with, in words."""
    at = percents_of(pooled.test)[0]
    score, spread = pooled.test[at].score, pooled.spread[at]
    seeds = len(pooled.seeds)
    where = "" if float(at) == 100 else f" on the {at}% most confident"
    larger = "seeds" if spread.seed_sd.value / seeds**0.5 > spread.image_sd else "images"
    return (
        f"Over {plural(seeds, 'pair')} of models the mean déjà vu score is {in_points(score)}"
        f"{where}. Between training seeds the score has a standard deviation of "
        f"{_plain(spread.seed_sd.value)} points ({_plain(spread.seed_sd.low)} to "
        f"{_plain(spread.seed_sd.high)}), between draws of as many images of "
        f"{_plain(spread.image_sd)}: more {larger} would narrow the interval most."
    )


def pooled_table(pooled: PooledFindings, caption: str = "", title: str = "") -> Table:
    """Return the score of every seed and of all together, a column a cut by confidence."""
    percents = percents_of(pooled.test)
    rows: list[list[Value | Cell]] = [
        [each.name, *(each.scores[p] for p in percents)] for each in pooled.seeds
    ]
    rows.append(["all seeds, pooled", *(pooled.test[p].score for p in percents)])
    rows.append(
        [
            "standard deviation between seeds",
            *(Cell(pooled.spread[p].seed_sd, write=_plain) for p in percents),
        ]
    )
    rows.append(
        [
            "standard deviation between images",
            *(Cell(pooled.spread[p].image_sd, write=_plain) for p in percents),
        ]
    )
    columns = [Column("Training seed"), *(_column(p) for p in percents)]
    return Table(columns, rows, title=title, caption=caption)


def _column(at: str) -> Column:
    return Column(f"Déjà vu score, {cut_title(at)}", points, unit="points", key=f"score_{at}")


def _plain(share: float) -> str:
    return points(share, sign=False)


def seeds_figure(pooled: PooledFindings) -> Intervals:
    """Return the score of every seed and of all together, with their intervals."""
    at = percents_of(pooled.test)[0]
    score = pooled.test[at].score
    drawn = pooled.seeds[:MAX_DRAWN_SEEDS]
    left_out = len(pooled.seeds) - len(drawn)
    rows = [
        Interval(each.name, each.scores[at].value, each.scores[at].low, each.scores[at].high)
        for each in drawn
    ]
    every = [each.scores[at].value for each in pooled.seeds]
    caption = (
        "Déjà vu score of each pair of models with its 95% interval over images, and of all pairs "
        "with the interval over seeds and images."
    )
    if left_out:
        caption += f" {plural(left_out, 'more pair')} not drawn."
    return Intervals(
        name="seeds",
        title="The score of every training seed",
        caption=caption,
        description=f"Dots with intervals: the scores of {len(pooled.seeds)} pairs of models lie "
        f"between {points(min(every))} and {points(max(every))} points, pooled "
        f"{points(score.value)} from {points(score.low)} to {points(score.high)}.",
        axis=Axis("déjà vu score (percentage points)", short_points),
        groups=[
            IntervalGroup(rows),
            IntervalGroup([Interval("pooled", score.value, score.low, score.high, colour="ink")]),
        ],
        level=Level(0, dash="solid"),
    )


def _repeats(records: Path, seeds: int) -> Table:
    """Return how many images are memorized, and forgotten, under so many pairs of models."""
    columns = read_columns(records, "seeds_memorized", "seeds_forgotten")
    shown = range(1, min(seeds, MAX_COUNTED_SEEDS) + 1)
    rows: list[list[Value | Cell]] = []
    for name in ("memorized", "forgotten"):
        times = columns[f"seeds_{name}"]
        rows.append([name.capitalize(), *(float(np.sum(times >= least)) for least in shown)])
    titles = [f"all {seeds} seeds" if least == seeds else f"{least} or more" for least in shown]
    return Table(
        [Column("Images"), *(Column(title, count) for title in titles)],
        rows,
        caption="Images that are memorized under at least so many seeds, and, for the noise of "
        "that count, images that are forgotten.",
    )
