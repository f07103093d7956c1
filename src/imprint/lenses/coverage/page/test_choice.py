"""Prioritised and selected tests on the page and the terminal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.coverage.selection.prioritise import ADDITIONAL, RANDOM, SURPRISE, TOTAL
from imprint.lenses.coverage.selection_findings import (
    OrderFinding,
    PrioritisationFindings,
    SelectionFinding,
)
from imprint.report.blocks import Block, Figures, Part, Verdict, conclusions, missing_list
from imprint.report.figure import Axis, Lines, Series
from imprint.report.lens import LensVerdict
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import Printed
from imprint.report.wording import count, fixed, percent, plural, quantity, short_percent
from imprint.stats.estimate import Estimate

ORDER_NOTE = (
    "APFD is the average percentage of faults detected: 0.5 for a random order. First 10% is the "
    "share of the faults among so many tests. The 95% intervals are of tests drawn independently "
    "from the same source; orders are compared on the same tests, so that their differences are "
    "more certain than the intervals suggest. The best of many orders looks better than it is."
)
RANDOM_APFD = 0.5
EARLY = 5
"""Point of a curve of faults found that is a tenth of the tests."""
WAYS = {
    TOTAL: "what each test alone covers",
    ADDITIONAL: "what a test adds to those before it",
    SURPRISE: "degree of surprise",
}


def describe_order(name: str) -> str:
    """Return what an order goes by, in a few words.

    >>> describe_order("kmnc_total"), describe_order("deepgini")
    ('KMNC: what each test alone covers', 'uncertainty of the network')
    """
    for suffix, words in WAYS.items():
        if name.endswith(suffix):
            return f"{name.removesuffix(suffix).upper()}: {words}"
    return "no information" if name == RANDOM else "uncertainty of the network"


def prioritisation_blocks(findings: PrioritisationFindings) -> Iterator[Block]:
    """Yield verdict, figure, table and conclusions of ``coverage prioritise``."""
    best = best_order(findings)
    asked = (
        "Which tests should be looked at first? "
        f"{plural(findings.tests, 'test')} {'is' if findings.tests == 1 else 'are'} ordered by "
        f"{plural(len(findings.measured), 'rule')}, none of which reads their classes."
    )
    if findings.faults is not None:
        asked += f" The network gets {count(findings.faults)} of them wrong."
    yield Verdict(
        headline(findings), [asked], found=best is not None, anchor="coverage-result",
        link="Coverage",
    )  # fmt: skip
    if best is not None:
        yield Figures([fault_curves(findings)])
    yield Part("All orders", [order_table(findings)], "coverage-orders", "Orders")
    yield from missing_list(findings.missing)
    yield conclusions(
        ["Which tests to label, look at or run first, where not all can be."],
        [
            "The comparison counts each misclassified test as a fault of its own; many may have "
            "one cause.",
            "It holds for tests and models like these: compare orders on your own before you rely "
            "on one.",
        ],
    )


def prioritisation_lines(findings: PrioritisationFindings) -> list[Printed]:
    """Return the table, and why orders are missing, for the terminal."""
    missing = [f"{name} missing: {reason}" for name, reason in findings.missing.items()]
    return [order_table(findings), *missing]


def prioritisation_verdict(findings: PrioritisationFindings) -> LensVerdict:
    """Return the best order in a line."""
    name = best_order(findings)
    value = None if name is None else findings.measured[name].apfd
    if not isinstance(value, Estimate):
        return LensVerdict(headline(findings), found=False)
    return LensVerdict(
        headline(findings),
        value.low > RANDOM_APFD,
        f"APFD of {name}; {RANDOM_APFD} is expected of a random order",
        value,
        write=fixed(2),
    )


def headline(findings: PrioritisationFindings) -> str:
    """Return the main finding as one sentence without its full stop."""
    name = best_order(findings)
    if name is None:
        ordered = "is" if findings.tests == 1 else "are"
        return f"{plural(findings.tests, 'test')} {ordered} put into order"
    best = findings.measured[name]
    assert isinstance(best.apfd, Estimate)
    if best.apfd.low <= RANDOM_APFD:
        return "No order finds misclassified tests clearly earlier than a random one"
    return (
        f"The first tenth of the tests by {name} holds {percent(best.found[EARLY], 0)} of the "
        "misclassified ones"
    )


def best_order(findings: PrioritisationFindings) -> str | None:
    """Return the order of the largest APFD; None where there is none."""
    for name, each in findings.measured.items():
        if not isinstance(each.apfd, Missing) and name != RANDOM:
            return name
    return None


def order_table(findings: PrioritisationFindings) -> Table:
    """Return every order, the best first."""
    columns = [
        Column("Order"),
        Column("APFD", fixed(3)),
        Column("First 10%", percent, key="found_in_tenth"),
        Column("First 20%", percent, key="found_in_fifth", on_phone=False),
    ]
    rows = [_order_row(name, each) for name, each in findings.measured.items()]
    return Table(
        columns,
        rows,
        title=f"Orders of {plural(findings.tests, 'test')}",
        note=ORDER_NOTE,
    )


def _order_row(name: str, finding: OrderFinding) -> list[Value | Cell]:
    title = Cell(name, note=describe_order(name))
    if not finding.found:
        return [title, finding.apfd, None, None]
    return [title, finding.apfd, finding.found[EARLY], finding.found[2 * EARLY]]


def fault_curves(findings: PrioritisationFindings) -> Lines:
    """Return the share of faults found by share of tests: of each kind the best order."""
    names = best_of_each_kind(findings)
    shares = np.linspace(0, 1, len(findings.measured[names[0]].found))
    series = [
        Series(name, shares, np.array(findings.measured[name].found), line="line") for name in names
    ]
    series.append(Series("expected of a random order", shares, shares, colour="muted", thin=True))
    tenth = ", ".join(f"{name} {percent(findings.measured[name].found[EARLY])}" for name in names)
    return Lines(
        name="coverage-faults",
        title="Faults found by tests in their order",
        caption="Of each kind the order of the largest APFD: by uncertainty, by surprise, by total "
        "and by additional coverage.",
        description=f"Curves: after a tenth of the tests, {tenth} of the faults are found.",
        x=Axis("share of the tests", short_percent, low=0, high=1),
        y=Axis("share of the faults", short_percent, low=0, high=1),
        series=series,
        height=300,
    )


def best_of_each_kind(findings: PrioritisationFindings) -> list[str]:
    """Return the first order of each way to make one, in the order of their APFD."""
    best: dict[str, str] = {}
    for name in findings.measured:
        if name != RANDOM:
            way = next((suffix for suffix in WAYS if name.endswith(suffix)), "")
            best.setdefault(way, name)
    return list(best.values())


def selection_blocks(selection: SelectionFinding) -> Iterator[Block]:
    """Yield verdict, figure and conclusions of ``coverage select``."""
    name, draws = selection.criterion.upper(), selection.random.n
    asked = (
        f"Which tests are enough? Of {plural(selection.tests, 'test')}, each selected one adds "
        f"most to what those before it cover by {name}. {plural(draws, 'random set')} of as many "
        "tests are the comparison."
    )
    if not selection.exact:
        asked += " At each step a random sample of the tests is compared."
    yield Verdict(
        selection_headline(selection),
        [asked],
        anchor="coverage-result",
        link="Coverage",
    )
    yield Figures([selection_curve(selection)])
    yield Part("Selected tests", [selection_table(selection)], "coverage-selection", "Selection")
    yield conclusions(
        ["Which few tests exercise as much of the network as all of them."],
        [
            "Tests that add nothing to coverage may still reveal faults: keep them where running "
            "them is cheap.",
            "Selected tests are chosen for being unusual, so the accuracy on them is not that on "
            "all.",
        ],
    )  # fmt: skip


def selection_lines(selection: SelectionFinding) -> list[Printed]:
    """Return table and main finding, for the terminal."""
    return [selection_table(selection), selection_headline(selection)]


def selection_verdict(selection: SelectionFinding) -> LensVerdict:
    """Return the main finding in a line."""
    number = f"of the {selection.criterion.upper()} coverage of all tests"
    return LensVerdict(selection_headline(selection), True, number, _share_of_all(selection))


def _share_of_all(selection: SelectionFinding) -> float:
    return selection.value / selection.value_of_all if selection.value_of_all else 1.0


def selection_headline(selection: SelectionFinding) -> str:
    """Return the main finding as one sentence without its full stop."""
    reached = percent(_share_of_all(selection), 0)
    return (
        f"{plural(selection.selected, 'test')} of {count(selection.tests)} "
        f"{'reaches' if selection.selected == 1 else 'reach'} {reached} of the "
        f"{selection.criterion.upper()} coverage of all"
    )


def selection_table(selection: SelectionFinding) -> Table:
    """Return the coverage of selected tests, of random sets of as many, and of all."""
    columns = [
        Column("Tests"),
        Column("Number", count, key="tests_number"),
        Column("Coverage", quantity, key="value"),
    ]
    rows: list[list[Value | Cell]] = [
        ["selected", selection.selected, selection.value],
        ["random, mean and range of 95%", selection.selected, selection.random],
        ["all", selection.tests, selection.value_of_all],
    ]
    return Table(columns, rows, title=f"Selection by {selection.criterion.upper()}")


def selection_curve(selection: SelectionFinding) -> Lines:
    """Return coverage by number of tests, selected and random."""
    curve = selection.curve
    tests = np.array(curve.tests, dtype=np.float64)
    return Lines(
        name="coverage-selection-curve",
        title="Coverage by number of tests",
        caption=f"The band holds 95% of {plural(selection.random.n, 'random set')}.",
        description=f"Curves: {count(selection.selected)} selected tests cover "
        f"{quantity(selection.value)}, as many random ones {quantity(selection.random.value)} on "
        "average.",
        x=Axis("tests", count, low=0, whole=True),
        y=Axis(selection.criterion.upper(), quantity, low=0),
        series=[
            Series("selected", tests, np.array(curve.selected), colour="target"),
            Series(
                "random",
                tests,
                np.array(curve.random),
                np.array(curve.random_low),
                np.array(curve.random_high),
                band=True,
                colour="reference",
                dash="dashed",
            ),
        ],
        height=300,
    )
