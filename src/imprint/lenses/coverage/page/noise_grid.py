"""Figures and table of what noise adds, by share of noisy pixels and deviation of the noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imprint.lenses.coverage.experiments.sensitivity_findings import NoiseCell, Sensitivity
from imprint.lenses.coverage.page.drawn_criteria import drawn
from imprint.lenses.coverage.page.share_interval import share_interval
from imprint.report.figure import Axis, Level, Lines, Series, estimates
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.wording import count, percent, plural, short_percent

HEIGHT = 190.0
PAD = 0.06
NOTE = (
    "Important less random pixels, as a share of what noise on both adds; means over draws with "
    "95% intervals. The accuracies are those on the noisy copies."
)


def grid_figures(findings: Sensitivity) -> list[Lines]:
    """Return a figure for each of the first criteria; none without a grid of two cells."""
    names = shown_criteria(findings)
    if len(findings.grid) < 2 or not names:
        return []
    drawn = [share_interval(cell.criteria[n]) for cell in findings.grid for n in names
             if n in cell.criteria]  # fmt: skip
    low, high = min(0.0, *(each.low for each in drawn)), max(0.0, *(each.high for each in drawn))
    pad = PAD * (high - low)
    axis = Axis("important less random", short_percent, low - pad, high + pad)
    return [grid_figure(name, findings, axis) for name in names]


def shown_criteria(findings: Sensitivity) -> list[str]:
    """Return the criteria of the clearest differences that some cell has, and IDC."""
    known = [name for name in findings.measured if any(name in c.criteria for c in findings.grid)]
    return drawn(known)


def grid_figure(name: str, findings: Sensitivity, axis: Axis) -> Lines:
    """Return the difference by deviation, a line for each share of pixels.

    Where there is one deviation alone, it is drawn by share.
    """
    cells = [each for each in findings.grid if name in each.criteria]
    by_share = len({each.deviation for each in findings.grid}) == 1
    groups = (
        {f"deviation {cells[0].deviation:g}": cells}
        if by_share
        else {
            f"{count(budget)} pixels": [each for each in cells if each.budget == budget]
            for budget in dict.fromkeys(each.budget for each in cells)
        }
    )
    best = max(cells, key=lambda each: each.criteria[name].value)
    places = sorted({_place(each, by_share) for each in findings.grid})
    return Lines(
        name=f"coverage-sensitivity-grid-{name}",
        title=f"{name.upper()} by the amount of noise",
        caption="Important less random pixels, as a share of what noise on both adds, with 95% "
        f"intervals over {plural(findings.draws, 'draw')}.",
        description=f"Curves: most with noise of deviation {best.deviation:g} on "
        f"{plural(best.budget, 'pixel')}, {percent(best.criteria[name].value)}.",
        x=Axis(
            "share of noisy pixels" if by_share else "standard deviation of the noise",
            ticks=[
                (place, f"{100 * place:.3g}%" if by_share else f"{place:g}") for place in places
            ],
        ),
        y=axis,
        series=[_line(label, name, group, by_share) for label, group in groups.items()],
        levels=[Level(0.0)],
        apart=True,
        height=HEIGHT,
    )


def _place(cell: NoiseCell, by_share: bool) -> float:
    return cell.pixel_share if by_share else cell.deviation


def _written(place: float, by_share: bool) -> str:
    return f"{100 * place:.3g}%" if by_share else f"{place:g}"


def _line(label: str, name: str, cells: Sequence[NoiseCell], by_share: bool) -> Series:
    places = np.array([_place(each, by_share) for each in cells])
    return estimates(label, places, [share_interval(each.criteria[name]) for each in cells])


def grid_table(findings: Sensitivity) -> Table:
    """Return the accuracies and differences of every cell."""
    names = shown_criteria(findings)
    columns = [
        Column("Pixels", count),
        Column("Deviation", lambda value: f"{value:g}"),
        Column("Accuracy, important", percent, key="important"),
        Column("Accuracy, random", percent, key="random"),
        *(Column(name.upper(), percent, on_phone=False) for name in names),
    ]
    rows: list[list[Value | Cell]] = [
        [
            each.budget,
            each.deviation,
            each.accuracy.important.value,
            each.accuracy.random.value,
            *(each.criteria.get(name) for name in names),
        ]
        for each in findings.grid
    ]
    return Table(columns, rows, title="By the amount of noise", note=NOTE)
