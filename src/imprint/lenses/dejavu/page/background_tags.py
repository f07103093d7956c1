"""The part of the one-model section on tags: what backgrounds show that gives their class away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imprint.data.tags.tag_table import TagTable, read_tag_table
from imprint.report.blocks import Block, Figures, Paragraph, Part
from imprint.report.figures.panels import clean
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.tag_clouds import most_telling_classes, tag_cloud
from imprint.report.wording import count, percent, plural, significant
from imprint.stats.estimate import Estimate

MAX_CLOUDS = 4
MAX_CLASSES = 8
TAGS_PER_CLASS = 3
MOST_LETTERS = 40
LEGEND = (
    "The larger a tag, the more crops of the class have it; coloured where it is more frequent "
    "than in other classes beyond noise. The classes whose tags tell most:"
)


def background_tags(folder: Path, classes: Sequence[str]) -> list[Block]:
    """Return the part on tags, or nothing where there is no such folder or no tag.

    Args:
        folder: of ``tags.parquet``.
        classes: names of all classes.

    Raises:
        ImprintError: the table is damaged.
    """
    if not folder.is_dir():
        return []
    table = read_tag_table(folder, classes)
    if not len(table.label):
        return []
    clouds = [
        tag_cloud(table, label, f"tags-{label}", 0)
        for label in most_telling_classes(table, MAX_CLOUDS)
    ]
    blocks: list[Block] = [
        Paragraph(tags_verdict(table), "plain"),
        Paragraph(LEGEND),
        Figures(clouds, in_rows=True),
        tags_table(table),
    ]
    title = "What the backgrounds show"
    return [Part(title, blocks, "one-model-tags", "Tags")]


def tags_verdict(table: TagTable) -> str:
    """Return what the tags say of how telling backgrounds are, in one or two sentences."""
    ratio, low, high = table.lift
    telling = int((low > 1).sum())
    pairs = plural(len(low), "pair")
    if not telling:
        return (
            f"No tag is more frequent in a class than elsewhere beyond noise, of {pairs} of class "
            "and tag: these words give no class away."
        )
    best = int(np.argmax(low))
    tag, title = table.vocabulary[table.tag[best]], table.classes[table.label[best]]
    return (
        f"Behind {_name(title)}, “{_name(tag)}” is {significant(float(ratio[best]))} times as "
        "frequent as behind other classes "
        f"({significant(float(low[best]))} to {significant(float(high[best]))}), the most telling "
        f"of {pairs} of class and tag. {plural(telling, 'pair')} "
        f"{'is' if telling == 1 else 'are'} more frequent than elsewhere beyond the noise of one "
        "pair; one in forty would be by chance."
    )


def tags_table(table: TagTable) -> Table:
    """Return the most telling tags of the most telling classes."""
    ratio, low, high = table.lift
    rows: list[list[Value | Cell]] = []
    for label in most_telling_classes(table, MAX_CLASSES):
        own = table.rows_of(label)
        ordered = own[np.argsort(-low[own], kind="stable")][:TAGS_PER_CLASS]
        for row in [row for row in ordered if low[row] > 1] or ordered[:1]:
            pictures = int(table.pictures[row])
            interval = float(low[row]), float(high[row])
            rows.append(
                [
                    _name(table.classes[label]),
                    _name(table.vocabulary[table.tag[row]]),
                    float(table.count[row]),
                    float(table.share[row]),
                    float(table.share_elsewhere[row]),
                    Estimate(float(ratio[row]), interval, pictures),
                ]
            )
    columns = [
        Column("Class"),
        Column("Tag"),
        Column("Crops", count),
        Column("Share of the class", percent),
        Column("Share elsewhere", percent),
        Column("Lift", significant),
    ]
    caption = (
        "The tags that tell most of each class. "
        "Lift is the share in the class over the share in all others, with its 95% interval; half "
        "a crop is added to every count. All classes and tags: tables/one_model_tags/tags.csv, "
        "word clouds beside it."
    )
    return Table(columns, rows, caption=caption)


def _name(text: str) -> str:
    text = clean(text)
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"
