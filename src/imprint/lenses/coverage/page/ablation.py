"""What a network loses without its leading neurons, on the page and the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from imprint.lenses.coverage.experiments.ablation_findings import AblatedSet, Ablation
from imprint.lenses.coverage.page.ablation_boxes import (
    class_boxes,
    draw_boxes,
    shown_methods,
)
from imprint.report.blocks import Block, Details, Figures, Part, Verdict, conclusions, missing_list
from imprint.report.figure import (
    Axis,
    Boxes,
    Interval,
    IntervalGroup,
    Intervals,
    Level,
    Lines,
    Series,
)
from imprint.report.lens import LensVerdict
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import Printed
from imprint.report.wording import count, fixed, percent, plural, points, short_points

NOTE = (
    "Drops of the accuracy in percentage points of all tests. Matched: random neurons, as many of "
    "each layer as the leading ones; mean and range of 95% of the draws. Beyond: how much more the "
    "leading neurons cost than these on average, with its 95% interval over tests. The p-value is "
    "the share of draws that cost at least as much, the method among them."
)


def ablation_blocks(ablation: Ablation) -> Iterator[Block]:
    """Yield verdict, figure, tables and conclusions of ``coverage ablate``."""
    given = "zero" if ablation.replacement == "zero" else "their mean over training images"
    yield Verdict(
        ablation_headline(ablation),
        [
            "Do attributions name neurons that the network needs? Its accuracy on "
            f"{plural(ablation.tests, 'test')} is {percent(ablation.accuracy.value)}. The leading "
            f"neurons of each method give {given} instead, and so do "
            f"{plural(ablation.draws, 'random set')} of as many neurons of the same layers."
        ],
        found=bool(clear_methods(ablation)),
        anchor="coverage-result",
        link="Coverage",
    )
    if ablation.measured:
        by_class = class_figures(ablation)
        boxes = [*draw_boxes(ablation), *by_class[:1]]
        yield Figures([drop_curves(ablation), *boxes, excess_intervals(ablation)])
        if by_class[1:]:
            yield Details("By class, with more neurons", [Figures(by_class[1:])])
    yield Part(
        "Accuracy without neurons", ablation_tables(ablation), "coverage-ablation", "Ablation"
    )
    yield from missing_list(ablation.missing)
    yield conclusions(
        [
            "Whether coverage of important neurons is about neurons that matter to the network.",
            "Which layers and neurons the network cannot do without.",
        ],
        [
            "Neurons that can be spared one at a time may be needed together.",
            "A drop says that neurons are used, not for what.",
        ],
    )


def class_figures(ablation: Ablation) -> list[Boxes]:
    """Return the drops of classes, with the fewest neurons first."""
    return [figure for size in ablation.anywhere for figure in class_boxes(ablation, size)]


def clear_methods(ablation: Ablation) -> list[str]:
    """Return the methods whose leading neurons cost more than matched ones at every size."""
    return [
        name
        for name, results in ablation.measured.items()
        if all(each.excess.low > 0 and each.p <= 0.05 for each in results)
    ]


def ablation_headline(ablation: Ablation) -> str:
    """Return the main finding as one sentence without its full stop."""
    clear = clear_methods(ablation)
    if not ablation.measured:
        return "No method ranked the neurons"
    if not clear:
        return "No attribution names neurons that cost more accuracy than random ones at every size"
    names, verb = ", ".join(clear), "names" if len(clear) == 1 else "name"
    return (
        f"Of {plural(len(ablation.measured), 'method')}, {names} {verb} neurons that cost more "
        "accuracy than random ones of the same layers"
    )


def ablation_verdict(ablation: Ablation) -> LensVerdict:
    """Return the main finding in a line."""
    return LensVerdict(ablation_headline(ablation), bool(clear_methods(ablation)))


def ablation_lines(ablation: Ablation) -> list[Printed]:
    """Return tables and the main finding, for the terminal."""
    return [*ablation_tables(ablation), ablation_headline(ablation)]


def ablation_tables(ablation: Ablation) -> list[Table]:
    """Return the drops by method and number of neurons, and those of single parts."""
    columns = [
        Column("Method"),
        Column("Neurons", count),
        Column("Drop", points, unit="points"),
        Column("Matched", points, key="matched", on_phone=False),
        Column("Beyond", points, key="excess"),
        Column("p", fixed(3), on_phone=False),
    ]
    rows = [_row(name, each) for name, results in ablation.measured.items() for each in results]
    for number, drop in ablation.anywhere.items():
        spread = f"{points(drop.low)} to {points(drop.high)}"
        rows.append(
            ["random, anywhere", int(number), Cell(drop.mean, note=spread), None, None, None]
        )
    tables = [Table(columns, rows, title="Accuracy lost without the leading neurons", note=NOTE)]
    if ablation.parts:
        parts: list[list[Value | Cell]] = [
            [each.layer if each.neuron is None else f"{each.layer} #{each.neuron}", each.drop]
            for each in ablation.parts
        ]
        heading = "Layer" if ablation.parts[0].neuron is None else "Neuron"
        tables.append(
            Table(
                [Column(heading), Column("Drop", percent)],
                parts,
                title=f"Without one {heading.lower()}",
            )
        )
    return tables


def _row(name: str, each: AblatedSet) -> list[Value | Cell]:
    matched = each.matched
    spread = f"{points(matched.low)} to {points(matched.high)}"
    return [
        name,
        each.neurons,
        each.drop,
        Cell(matched.mean, note=spread),
        each.excess,
        each.p,
    ]


def drop_curves(ablation: Ablation) -> Lines:
    """Return the drop by number of neurons of the methods that cost most, and of random neurons."""
    shown = shown_methods(ablation)
    series = [_line(name, ablation.measured[name]) for name in shown]
    sizes = np.array([float(number) for number in ablation.anywhere])
    anywhere = list(ablation.anywhere.values())
    series.append(
        Series(
            "random, anywhere",
            sizes,
            np.array([each.mean for each in anywhere]),
            np.array([each.low for each in anywhere]),
            np.array([each.high for each in anywhere]),
            band=True,
            colour="muted",
            dash="dotted",
        )
    )
    spoken = ", ".join(f"{name} {points(ablation.measured[name][-1].drop.value)}" for name in shown)
    return Lines(
        name="coverage-ablation-drops",
        title="Accuracy lost by number of neurons taken away",
        caption="The band holds 95% of the random sets from all hidden layers.",
        description=f"Curves, drop in points without {count(sizes[-1])} neurons: {spoken}.",
        x=Axis("neurons taken away", count, low=0, whole=True),
        y=Axis("drop in points", short_points),
        series=series,
        areas=(),
        height=300,
    )


def _line(name: str, results: Sequence[AblatedSet]) -> Series:
    return Series(
        name,
        np.array([float(each.neurons) for each in results]),
        np.array([each.drop.value for each in results]),
        marker="dot",
    )


def excess_intervals(ablation: Ablation) -> Intervals:
    """Return what each method costs beyond matched random neurons, by number of neurons."""
    sizes = sorted({each.neurons for results in ablation.measured.values() for each in results})
    groups = [
        IntervalGroup(
            [
                Interval(name, each.excess.value, each.excess.low, each.excess.high)
                for name, results in ablation.measured.items()
                for each in results
                if each.neurons == size
            ],
            plural(size, "neuron"),
            bands=False,
        )
        for size in sizes
    ]
    spoken = ", ".join(f"{dot.name} {points(dot.value)}" for dot in groups[-1].intervals)
    return Intervals(
        name="coverage-ablation-excess",
        title="Do leading neurons cost more than matched random ones?",
        caption="Drop of the accuracy beyond the mean of random neurons, as many of each layer, "
        "with its 95% interval over tests.",
        description=f"Dots, points beyond random with {plural(sizes[-1], 'neuron')}: {spoken}.",
        axis=Axis("points beyond random", short_points),
        groups=groups,
        level=Level(0.0, "", colour="muted", dash="dotted"),
    )
