"""The score by crop size and by class: parts of the page of both tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.dejavu.page.tables import class_name
from imprint.lenses.dejavu.page.verdict import in_points
from imprint.lenses.dejavu.slice_findings import (
    ClassCounts,
    ClassFindings,
    CropSizeFindings,
    CropSizeSlice,
    SliceFindings,
)
from imprint.report.blocks import Block, Figures, Paragraph, Part
from imprint.report.figure import Axis, Colour, Interval, IntervalGroup, Intervals, Level
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.wording import (
    count,
    decimal,
    p_value,
    percent,
    plural,
    points,
    short_points,
    significant,
)
from imprint.stats.estimate import Estimate
from imprint.study.tables import Table as Columns

DRAWN_CLASSES = 15
SHOWN_CLASSES = 100
SCORES = ("gap", "gap_low", "gap_high", "gap_low_all", "gap_high_all", "p_adjusted")
EXCESSES = ("excess", "excess_low", "excess_high", "non_members")
CLASS_NOTE = (
    "Each interval answers for its class alone. Adjusted p-values hold for all classes together: "
    "of the classes up to 0.05, about 5% at most are there by chance."
)


def slice_parts(
    slices: SliceFindings | None,
    classes: Columns,
    names: Sequence[str],
    models: tuple[str, str],
    table_name: str,
) -> Iterator[Part]:
    """Yield the parts about crop size and classes; nothing for a study without these findings.

    Args:
        slices: the findings.
        classes: the table of classes, with the columns of :func:`score_columns`.
        names: of the classes.
        models: what the two models are called: the one under attack, and the reference.
        table_name: where the table of classes lies in the study.
    """
    if slices is None:
        return
    anchor = "dejavu" if table_name.startswith("tables/dejavu") else "one-model"
    if not isinstance(slices.by_crop_size, Missing):
        sizes = slices.by_crop_size
        blocks: list[Block] = [
            Paragraph(crop_size_sentence(sizes), "plain"),
            Figures([_size_figure(sizes)]),
            crop_size_table(sizes, models),
        ]
        yield Part("By size of the crop", blocks, f"{anchor}-crop-size", "Crop size")
    if not isinstance(slices.by_class, Missing):
        rows = ranked_classes(classes, slices.by_class.of_excess)
        blocks = [
            Paragraph(class_sentence(slices.by_class), "plain"),
            Figures([_class_figure(classes, rows, names, slices.by_class)]),
            Paragraph(CLASS_NOTE + _left_out(len(rows), len(names), table_name)),
            class_table(classes, rows[:SHOWN_CLASSES], names, models, slices.by_class.of_excess),
        ]
        yield Part("By class", blocks, f"{anchor}-by-class", "By class")


def score_columns(slices: SliceFindings | None) -> tuple[str, ...]:
    """Return the columns of the table of classes that the parts need, where there are any."""
    if slices is None or isinstance(slices.by_class, Missing):
        return ()
    return (*SCORES, *(EXCESSES if slices.by_class.of_excess else ()))


def crop_size_sentence(sizes: CropSizeFindings) -> str:
    """Return in words what the size of the crop does to the score."""
    slope = sizes.per_doubling
    change = f"{in_points(slope)} for every doubling of the side"
    if slope.low > 0:
        trend = f"The score rises with the part of the image that the network sees: {change}."
    elif slope.high < 0:
        trend = f"The score falls with the part of the image that the network sees: {change}."
    else:
        trend = f"The score does not change with the size of the crop beyond noise: {change}."
    return (
        f"{trend} The size is the side of the square of the original that the network sees of a "
        "crop: smaller crops are enlarged, long ones lose their ends. It goes with the kind of "
        "image, so the trend is no effect of size by itself."
    )


def crop_size_table(sizes: CropSizeFindings, models: tuple[str, str]) -> Table:
    """Return the score of every slice of sizes."""
    of_excess = any(each.excess is not None for each in sizes.slices)
    rows: list[list[Value | Cell]] = []
    for each in sizes.slices:
        row: list[Value | Cell] = [
            _size_name(each),
            float(each.score.n),
            each.target_accuracy,
            each.reference_accuracy,
            each.score,
        ]
        rows.append([*row, each.excess] if of_excess else row)
    columns = [
        Column("Side of the crop"),
        Column("Images", count),
        *(Column(model.capitalize(), percent) for model in models),
        Column("Score", points, unit="points"),
    ]
    if of_excess:
        columns.append(Column("Beyond non-members", points, unit="points", key="excess"))
    return Table(columns, rows, title="By size of the crop")


def _size_name(each: CropSizeSlice) -> str:
    least, most = (significant(side) for side in (each.least_px, each.most_px))
    return f"{least} px" if least == most else f"{least} to {most} px"


def _size_figure(sizes: CropSizeFindings) -> Intervals:
    of_excess = all(each.excess is not None for each in sizes.slices)
    scores = [(each, each.excess or each.score) for each in sizes.slices]
    rows = [Interval(_size_name(each), s.value, s.low, s.high) for each, s in scores]
    what = "score beyond non-members" if of_excess else "déjà vu score"
    first, last = scores[0][1].value, scores[-1][1].value
    return Intervals(
        name="crop-size",
        title="Score and crop size",
        caption=f"{what[0].upper()}{what[1:]} of images with crops of about one size, each with "
        "its 95% interval.",
        description=f"Dots with intervals: the {what} goes from {points(first)} points for the "
        f"smallest crops to {points(last)} for the largest.",
        axis=Axis(f"{what} (percentage points)", short_points),
        groups=[IntervalGroup(rows)],
        level=Level(0, dash="solid"),
    )


def class_sentence(classes: ClassFindings) -> str:
    """Return in words which classes stand out, and how many would by chance."""
    what = "score beyond non-members" if classes.of_excess else "score"
    sentences = [
        f"In {classes.above.single} of {plural(classes.classes, 'class', 'classes')} the {what} "
        f"lies above 0 by its own 95% interval; without memorization {_chance(classes.above)} "
        f"would by chance. Corrected for the number of classes, {classes.above.corrected} "
        f"{'remains' if classes.above.corrected == 1 else 'remain'}."
    ]
    if classes.below.single:
        sentences.append(
            f"In {classes.below.single} it lies below 0, corrected {classes.below.corrected}."
        )
    if not isinstance(classes.differ_p_value, Missing):
        differ = classes.differ_p_value <= 0.05
        sentences.append(
            f"Classes {'differ' if differ else 'are not shown to differ'} from one another "
            f"({p_value(classes.differ_p_value)}, images exchanged between them)"
            + ("" if isinstance(classes.outliers, Missing) else _outliers(classes.outliers))
            + "."
        )
    return " ".join(sentences)


def _chance(counts: ClassCounts) -> str:
    return f"about {decimal(counts.by_chance, 1)}"


def _outliers(outliers: int) -> str:
    if not outliers:
        return "; no single class stands out from the others for certain"
    stands = "stands" if outliers == 1 else "stand"
    return f"; {plural(outliers, 'class', 'classes')} {stands} out from the others for certain"


def ranked_classes(classes: Columns, of_excess: bool) -> list[int]:
    """Return the rows of the classes with images, those with the largest score first."""
    score = classes["excess" if of_excess else "gap"].astype(np.float64)
    known = np.flatnonzero(np.isfinite(score))
    order = np.lexsort((known, -classes["n"][known], -score[known]))
    return [int(row) for row in known[order]]


def class_table(
    classes: Columns,
    rows: Sequence[int],
    names: Sequence[str],
    models: tuple[str, str],
    of_excess: bool,
) -> Table:
    """Return some classes, a row each, as they come.

    Args:
        classes: the table of classes; accuracies of the models in ``target_accuracy`` and
            ``reference_accuracy``.
        rows: which, worst first.
        names: of the classes.
        models: what the two models are called.
        of_excess: whether the score beyond non-members is judged.
    """
    cells: list[list[Value | Cell]] = []
    for row in rows:
        counted = int(classes["n"][row])
        line: list[Value | Cell] = [
            class_name(names, int(classes["index"][row])),
            float(counted),
            float(classes["target_accuracy"][row]),
            float(classes["reference_accuracy"][row]),
            _estimate(classes, "gap", row, counted),
        ]
        if of_excess:
            others = int(classes["non_members"][row])
            line.append(_estimate(classes, "excess", row, counted + others))
        cells.append([*line, float(classes["p_adjusted"][row])])
    columns = [
        Column("Class"),
        Column("Images", count, on_phone=False),
        *(Column(model.capitalize(), percent, on_phone=False) for model in models),
        Column("Score", points, unit="points", key="gap"),
    ]
    if of_excess:
        columns.append(Column("Beyond non-members", points, unit="points", key="excess"))
    columns.append(Column("Adjusted p", significant, key="p_adjusted"))
    sorted_by = "Beyond non-members" if of_excess else "Score"
    return Table(columns, cells, title="By class", sorted_by=sorted_by, tall=True)


def _estimate(classes: Columns, name: str, row: int, counted: int) -> Estimate:
    value, low, high = (float(classes[f"{name}{end}"][row]) for end in ("", "_low", "_high"))
    return Estimate(value, (low, high), counted)


def _class_figure(
    classes: Columns, rows: Sequence[int], names: Sequence[str], findings: ClassFindings
) -> Intervals:
    name = "excess" if findings.of_excess else "gap"
    drawn = rows[:DRAWN_CLASSES]
    lines = []
    for row in drawn:
        estimate = _estimate(classes, name, row, int(classes["n"][row]))
        colour: Colour = "target" if _remains(classes, row) else "muted"
        title = class_name(names, int(classes["index"][row]))
        lines.append(Interval(title, estimate.value, estimate.low, estimate.high, colour=colour))
    rest = len(rows) - len(drawn)
    what = "score beyond non-members" if findings.of_excess else "déjà vu score"
    caption = f"{what[0].upper()}{what[1:]} of the classes with the largest, each with its own 95% "
    caption += "interval; coloured where it remains after the correction for the number of classes."
    if rest > 0:
        caption += f" {plural(rest, 'class', 'classes')} with smaller scores not drawn."
    return Intervals(
        name="class-scores",
        title="Classes with the largest scores",
        caption=caption,
        description=f"Dots with intervals: {plural(len(drawn), 'class', 'classes')}, from "
        f"{lines[0].name} with {points(lines[0].value)} points to {lines[-1].name} with "
        f"{points(lines[-1].value)}.",
        axis=Axis(f"{what} (percentage points)", short_points),
        groups=[IntervalGroup(lines)],
        level=Level(0, dash="solid"),
    )


def _remains(classes: Columns, row: int) -> bool:
    return bool(classes["p_adjusted"][row] <= 0.05)


def _left_out(ranked: int, all_classes: int, table_name: str) -> str:
    note = ""
    if ranked > SHOWN_CLASSES:
        note = f" The {SHOWN_CLASSES} classes with the largest scores are shown, all of them"
        note += f" in {table_name}, with intervals that hold for all classes at once."
    else:
        note = f" Intervals that hold for all classes at once are in {table_name}."
    if ranked < all_classes:
        without = plural(all_classes - ranked, "class", "classes")
        note += f" {without} without enough attacked images left out."
    return note
