"""What coverage costs, on the page and the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from imprint.core.missing import Missing
from imprint.lenses.coverage.experiments.cost_findings import Cost, CriterionCost
from imprint.lenses.coverage.page.cost_bars import (
    coverage_bars,
    fit_bars,
    ratio_bars,
    throughput_bars,
)
from imprint.lenses.coverage.page.cost_discrimination import discrimination_figure
from imprint.report.blocks import Block, Figures, Part, Verdict, conclusions, missing_list
from imprint.report.figure import Figure
from imprint.report.lens import LensVerdict
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import Printed
from imprint.report.wording import fixed, plural, quantity, significant

MEBIBYTE = 2**20
NOTE = (
    "Medians with the interval of order statistics, which with few repeats is their range. Fit: "
    "learning from the training activations. Update: seeing the activations of all tests. Times: "
    "update by the bare forward pass. State: what is kept in the end. Peak: tensors and arrays at "
    "most at once while it fits or updates. Choosing neurons by attribution or votes is not among "
    "these."
)


def cost_blocks(cost: Cost) -> Iterator[Block]:
    """Yield verdict, figure, tables and conclusions of ``coverage cost``."""
    importance = (
        f"Attribution by {cost.attribution}, which ranks the neurons of IDC, is missing: "
        f"{cost.importance.missing}."
        if isinstance(cost.importance, Missing)
        else f"Attribution by {cost.attribution}, which ranks the neurons of IDC, takes "
        f"{fixed(1)(cost.importance.value * cost.tests / cost.forward.value)} times a forward pass "
        "of as many images."
    )
    yield Verdict(
        cost_headline(cost),
        [
            f"What does coverage cost beside the forward pass that it needs? The network has "
            f"{plural(cost.layers, 'observed layer')} of {plural(cost.neurons, 'neuron')}; "
            f"{plural(cost.tests, 'test')} pass in batches of {cost.batch_size} on {cost.device} "
            f"with {plural(cost.threads, 'thread')}. Each time is the median of "
            f"{cost.repeats}, after one that does not count.",
            importance,
        ],
        anchor="coverage-result",
        link="Coverage",
    )
    if cost.measured:
        yield Figures(cost_figures(cost))
    passes, criteria = cost_tables(cost)
    yield Part("Passes over the tests", [passes], "coverage-cost", "Cost")
    yield Part("All criteria", [criteria], "coverage-cost-criteria", "Cost of criteria")
    yield from missing_list(cost.missing, str.upper)
    yield conclusions(
        ["Which criteria can be measured wherever the network runs, and which need a reason."],
        [
            "On a small network the bookkeeping weighs more: ratios of one network are none of "
            "another.",
            "Reading and decoding images is not among the times.",
        ],
    )


def cost_headline(cost: Cost) -> str:
    """Return the main finding as one sentence without its full stop."""
    number = len(cost.measured)
    return (
        f"{plural(number, 'criterion', 'criteria')} {'takes' if number == 1 else 'together take'} "
        f"{fixed(1)(cost.together_ratio.value)} times the bare forward pass; "
        f"taking the activations alone takes {fixed(2)(cost.observed_ratio.value)} times"
    )


def cost_verdict(cost: Cost) -> LensVerdict:
    """Return the main finding in a line."""
    return LensVerdict(cost_headline(cost), found=True)


def cost_lines(cost: Cost) -> list[Printed]:
    """Return tables, missing criteria and the main finding, for the terminal."""
    missing = [f"{name} missing: {why}" for name, why in cost.missing.items()]
    return [*cost_tables(cost), *missing, cost_headline(cost)]


def cost_tables(cost: Cost) -> list[Table]:
    """Return the times of the network, and those of every criterion."""
    passes = Table(
        [Column("Pass"), Column("Seconds", significant), Column("Times", fixed(2))],
        [
            ["forward alone", cost.forward, 1.0],
            ["with activations taken", cost.observed, cost.observed_ratio],
            ["with all criteria", cost.together, cost.together_ratio],
        ],
        title="Passes over the tests",
    )
    columns = [
        Column("Criterion"),
        Column("Fit", significant, unit="s"),
        Column("Update", significant, unit="s"),
        Column("Times", significant, key="ratio"),
        Column("State", significant, unit="MiB", key="state", on_phone=False),
        Column("Peak", significant, unit="MiB", key="peak", on_phone=False),
        Column("Coverage", quantity, key="value", on_phone=False),
    ]
    rows = [_row(name, each) for name, each in cost.measured.items()]
    return [passes, Table(columns, rows, title="All criteria", note=NOTE)]


def _row(name: str, cost: CriterionCost) -> list[Value | Cell]:
    return [
        name.upper(),
        cost.fit,
        cost.update,
        cost.ratio,
        cost.state_bytes / MEBIBYTE,
        cost.peak_bytes / MEBIBYTE,
        cost.value,
    ]


def cost_figures(cost: Cost) -> list[Figure]:
    """Return what update, fit and whole pass cost, and what that tells apart where it is known."""
    beside = (
        None if cost.discrimination is None else discrimination_figure(cost, cost.discrimination)
    )
    figures = [
        ratio_bars(cost),
        beside,
        fit_bars(cost),
        throughput_bars(cost),
        coverage_bars(cost),
    ]
    return [each for each in figures if each is not None]
