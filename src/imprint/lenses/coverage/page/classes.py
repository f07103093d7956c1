"""Neurons of classes: on the page, the terminal and the front page."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.coverage.experiments.class_findings import ClassDrop, ClassNeurons, ClassStudy
from imprint.lenses.coverage.page.figures.class_neurons import class_figures
from imprint.report.blocks import Block, Figures, Part, Verdict, conclusions, missing_list
from imprint.report.figure import Axis, Interval, IntervalGroup, Intervals, Level, Matrix
from imprint.report.lens import LensVerdict
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import Printed
from imprint.report.wording import count, percent, plural, points, short_points

NOTE = (
    "Drops of the accuracy in percentage points, without the leading neurons of the class. Own: on "
    "tests of the class, with its 95% interval. Others: on tests of all other classes. Random: on "
    "tests of the class, without random neurons, as many of each layer; mean over the draws."
)
MAX_SHOWN_CLASSES = 20


def class_blocks(study: ClassStudy) -> Iterator[Block]:
    """Yield verdict, figures, tables and conclusions of ``coverage classes``."""
    yield Verdict(
        class_headline(study),
        [
            "Do classes have neurons of their own? The accuracy on "
            f"{plural(study.tests, 'test')} is {percent(study.accuracy.value)}. Of each of "
            f"{plural(len(study.classes), 'class', 'classes')}, the leading "
            f"{plural(study.neurons, 'neuron')} by each attribution are taken away, and, for "
            f"comparison, {plural(study.draws, 'random set')} of as many neurons of each layer."
        ],
        found=any(each.clear for each in study.measured.values()),
        anchor="coverage-result",
        link="Coverage",
    )
    if study.measured:
        yield Figures([class_drops(study), *class_figures(study), *overlap_matrices(study)])
    for name, each in study.measured.items():
        yield Part(f"By {name}", [drop_table(each), common_table(each)], f"coverage-class-{name}")
    yield from missing_list(study.missing)
    yield conclusions(
        ["Which neurons a class needs, and which serve most classes."],
        [
            "Neurons that lead for every class are often those of the first layers, whose scores "
            "are sums over many places.",
            "A class can lose accuracy because other classes are named more often.",
        ],
    )


def class_lines(study: ClassStudy) -> list[Printed]:
    """Return tables and the main finding, for the terminal."""
    tables: list[Printed] = [drop_table(each, name) for name, each in study.measured.items()]
    missing = [f"{name} missing: {reason}" for name, reason in study.missing.items()]
    return [*tables, *missing, class_headline(study)]


def class_verdict(study: ClassStudy) -> LensVerdict:
    """Return the main finding in a line."""
    clear = any(each.clear for each in study.measured.values())
    return LensVerdict(class_headline(study), clear)


def class_headline(study: ClassStudy) -> str:
    """Return the main finding as one sentence without its full stop."""
    if not study.measured:
        return "No attribution ranked the neurons of classes"
    name = max(study.measured, key=lambda each: len(study.measured[each].clear))
    clear = len(study.measured[name].clear)
    if not clear:
        return "No class loses more accuracy without its own leading neurons than without others"
    lose = "loses" if clear == 1 else "lose"
    return (
        f"{count(clear)} of {plural(len(study.classes), 'class', 'classes')} {lose} more accuracy "
        f"without their leading neurons by {name} than without random ones of the same layers"
    )


def drop_table(neurons: ClassNeurons, method: str = "") -> Table:
    """Return the drops by class."""
    columns = [
        Column("Class"),
        Column("Tests", count, on_phone=False),
        Column("Own", points, unit="points"),
        Column("Others", points),
        Column("Random", points),
    ]
    rows: list[list[Value | Cell]] = [
        [name, drop.tests, drop.own, drop.others, drop.random.mean]
        for name, drop in neurons.drops.items()
    ]
    title = f"Accuracy without the neurons of a class, by {method}" if method else ""
    return Table(columns, rows, title=title or "Accuracy without the neurons of a class", note=NOTE)


def common_table(neurons: ClassNeurons) -> Table:
    """Return the neurons that lead for several classes."""
    columns = [Column("Layer"), Column("Neuron", str), Column("Classes", count)]
    rows: list[list[Value | Cell]] = [
        [each.layer, each.neuron, each.classes] for each in neurons.common
    ]
    note = "Neurons that lead for two classes or more, those of most classes first."
    return Table(columns, rows, title="Common neurons", note=note)


def class_drops(study: ClassStudy) -> Intervals:
    """Return the drop of each class without its neurons, by attribution."""
    groups = [
        IntervalGroup(
            [_dot(name, drop) for name, drop in each.drops.items()][:MAX_SHOWN_CLASSES],
            method,
            bands=False,
        )
        for method, each in study.measured.items()
    ]
    return Intervals(
        name="coverage-class-drops",
        title="What does each class lose without its neurons?",
        caption="Drop of the accuracy on the tests of the class, with its 95% interval.",
        description="Dots: drop of the accuracy of each class without its leading neurons.",
        axis=Axis("drop of the accuracy, points", short_points),
        groups=groups,
        level=Level(0.0, "", colour="muted", dash="dotted"),
    )


def _dot(name: str, drop: ClassDrop) -> Interval:
    if isinstance(drop.own, Missing):
        return Interval(name, 0.0)
    return Interval(name, drop.own.value, drop.own.low, drop.own.high)


def overlap_matrices(study: ClassStudy) -> list[Matrix]:
    """Return how far the leading neurons of classes are the same, by attribution."""
    if len(study.classes) > MAX_SHOWN_CLASSES:
        return []
    return [
        Matrix(
            name=f"coverage-class-overlap-{method}",
            title=f"Do classes share neurons? {method}",
            caption="Share of the leading neurons of two classes that are the same, in percent.",
            description=f"Matrix: shared leading neurons of {len(study.classes)} classes.",
            names=study.classes,
            values=np.array(each.overlap),
            write=lambda value: f"{100 * value:.0f}",
        )
        for method, each in study.measured.items()
    ]
