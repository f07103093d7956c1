"""Fitted criteria: on the page, the terminal and the front page."""

from __future__ import annotations

from collections.abc import Iterator

from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.fits.findings import FitFinding
from imprint.lenses.coverage.page.tables import in_page_order
from imprint.report.blocks import Block, Part, Verdict, missing_list
from imprint.report.lens import LensVerdict
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import Printed
from imprint.report.wording import plural


def fit_blocks(fit: FitFinding) -> Iterator[Block]:
    """Yield which criteria are fitted, and why others are not."""
    yield Verdict(
        fit_headline(fit),
        [
            f"Criteria of {plural(fit.neurons, 'neuron')} in {plural(fit.layers, 'layer')}. Tests "
            f"are measured by them with --fitted {fit.file}, any number of times, and measurements "
            "merge."
        ],
        found=False,
        anchor="coverage-result",
    )
    yield Part("Fitted criteria", [fit_table(fit)])
    in_order = {name: fit.missing[name] for name in in_page_order(fit.missing)}
    yield from missing_list(in_order, str.upper)


def fit_lines(fit: FitFinding) -> list[Printed]:
    """Return table and reasons, for the terminal."""
    missing = [f"{name} missing: {reason}" for name, reason in fit.missing.items()]
    return [fit_table(fit), *missing]


def fit_verdict(fit: FitFinding) -> LensVerdict:
    """Return what was done in a line."""
    return LensVerdict(fit_headline(fit), found=False)


def fit_headline(fit: FitFinding) -> str:
    """Return what was done as one sentence without its full stop."""
    fitted = plural(len(fit.criteria), "criterion is", "criteria are")
    return f"{fitted} fitted to {plural(fit.training or 0, 'training input')}"


def fit_table(fit: FitFinding) -> Table:
    """Return the fitted criteria, what they count and what chose their neurons."""
    columns = [Column("Criterion"), Column("What it counts"), Column("Neurons by", key="source")]
    rows: list[list[Value | Cell]] = [
        [name.upper(), CRITERIA.get(name).meaning, fit.sources.get(name, "")]
        for name in in_page_order(fit.criteria)
    ]
    return Table(columns, rows, title=fit_headline(fit))
