"""Coverage and the impartiality of test sets, on the page and the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from imprint.core.missing import Missing
from imprint.lenses.coverage.experiments.impartiality_findings import Impartiality
from imprint.report.blocks import Block, Figures, Part, Verdict, conclusions, missing_list
from imprint.report.figure import Axis, Interval, IntervalGroup, Intervals, Level
from imprint.report.lens import LensVerdict
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import Printed
from imprint.report.wording import count, fixed, plural

NOTE = (
    "Correlation of coverage with Pielou's evenness of the predicted classes over sets of one "
    "size. The 95% intervals are over sets drawn from these tests, which share some of them. "
    "Pooled: over the sets of every size, each in units of its own mean and spread."
)


def impartiality_blocks(findings: Impartiality) -> Iterator[Block]:
    """Yield verdict, figure, table and conclusions of ``coverage impartiality``."""
    low, high = findings.range
    number = plural(findings.sets * len(findings.sizes), "test set")
    sizes = ", ".join(count(size) for size in findings.sizes)
    yield Verdict(
        impartiality_headline(findings),
        [
            f"Is coverage higher where the predictions are spread over more classes? {number} of "
            f"{sizes} tests have class mixes from one class alone to all {findings.classes} in "
            f"equal shares; the evenness of the predictions runs from {fixed(2)(low)} to "
            f"{fixed(2)(high)}."
        ],
        found=bool(following(findings)),
        anchor="coverage-result",
        link="Coverage",
    )
    figure = correlation_intervals(findings)
    if figure is not None:
        by_size = size_correlations(findings)
        yield Figures([figure, *([by_size] if by_size is not None else [])])
    yield Part(
        "All criteria", [correlation_table(findings)], "coverage-impartiality", "Impartiality"
    )
    yield from missing_list(findings.missing, str.upper)
    yield conclusions(
        ["Which criteria notice that a test set leaves out classes."],
        [
            "An even spread of predictions is one kind of diversity; a criterion may measure "
            "another.",
            "Correlations over sets of different sizes would measure size: these do not.",
        ],
    )


def following(findings: Impartiality) -> list[str]:
    """Return the criteria whose pooled correlation is above 0 with its whole interval."""
    return [
        name
        for name, each in findings.measured.items()
        if not isinstance(each.pooled, Missing) and each.pooled.low > 0
    ]


def impartiality_headline(findings: Impartiality) -> str:
    """Return the main finding as one sentence without its full stop."""
    rising, total = following(findings), len(findings.measured)
    if not rising:
        criteria = plural(total, "criterion", "criteria")
        return f"None of {criteria} rises with the evenness of the predictions"
    verb = "rises" if len(rising) == 1 else "rise"
    return (
        f"{len(rising)} of {plural(total, 'criterion', 'criteria')} {verb} with the evenness of "
        "the predictions"
    )


def impartiality_verdict(findings: Impartiality) -> LensVerdict:
    """Return the main finding in a line."""
    return LensVerdict(impartiality_headline(findings), bool(following(findings)))


def impartiality_lines(findings: Impartiality) -> list[Printed]:
    """Return table and main finding, for the terminal."""
    return [correlation_table(findings), impartiality_headline(findings)]


def correlation_table(findings: Impartiality) -> Table:
    """Return the correlations of every criterion."""
    columns = [Column("Criterion"), Column("Pooled", fixed(2))]
    for size in findings.sizes:
        columns += [
            Column(f"Pearson, {count(size)}", fixed(2), key=f"pearson_{size}", on_phone=False),
            Column(f"Spearman, {count(size)}", fixed(2), key=f"spearman_{size}", on_phone=False),
        ]
    rows: list[list[Value | Cell]] = []
    for name, each in findings.measured.items():
        row: list[Value | Cell] = [name.upper(), each.pooled]
        for size in findings.sizes:
            row += [each.pearson[str(size)], each.spearman[str(size)]]
        rows.append(row)
    return Table(columns, rows, title="Correlation with the evenness of predictions", note=NOTE)


def correlation_intervals(findings: Impartiality) -> Intervals | None:
    """Return the pooled correlations with their intervals; None where there are none."""
    dots = [
        Interval(name.upper(), each.pooled.value, each.pooled.low, each.pooled.high)
        for name, each in findings.measured.items()
        if not isinstance(each.pooled, Missing)
    ]
    if not dots:
        return None
    spoken = ", ".join(f"{dot.name} {fixed(2)(dot.value)}" for dot in dots)
    return Intervals(
        name="coverage-impartiality-correlations",
        title="Does coverage follow the evenness of predictions?",
        caption="Correlation within sets of one size, with its 95% interval.",
        description=f"Dots, correlation: {spoken}.",
        axis=Axis("correlation", fixed(1), low=-1, high=1),
        groups=[IntervalGroup(dots)],
        level=Level(0.0, "", colour="muted", dash="dotted"),
    )


def size_correlations(findings: Impartiality) -> Intervals | None:
    """Return the correlations within each size; None where there is one size alone."""
    by_size = {
        size: [
            Interval(name.upper(), found.value, found.low, found.high)
            for name, each in findings.measured.items()
            if not isinstance(found := each.pearson[str(size)], Missing)
        ]
        for size in findings.sizes
    }
    groups = [
        IntervalGroup(dots, f"{count(size)} tests", bands=False)
        for size, dots in by_size.items()
        if dots
    ]
    if len(groups) < 2:
        return None
    largest = groups[-1].intervals
    spoken = ", ".join(f"{dot.name} {fixed(2)(dot.value)}" for dot in largest)
    return Intervals(
        name="coverage-impartiality-by-size",
        title="Is it so for every size?",
        caption="Pearson's correlation over the sets of each size, with its 95% interval.",
        description=f"Dots, correlation over the largest sets: {spoken}.",
        axis=Axis("correlation", fixed(1), low=-1, high=1),
        groups=groups,
        level=Level(0.0, "", colour="muted", dash="dotted"),
    )
