"""Figures of coverage: shares of the ceilings, and cells by number of tests."""

from __future__ import annotations

import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.coverage.findings import CoverageFindings, NeuronCells, Rarefaction
from imprint.lenses.coverage.page.tables import in_page_order
from imprint.report.figure import Area, Axis, Bar, Bars, Label, Level, Lines, Series
from imprint.report.wording import count, percent, short_percent

MAX_TEST_FACTOR = 100
"""Beyond this multiple of the tests no number of further tests is given."""


def main_cells(findings: CoverageFindings) -> NeuronCells | None:
    """Return the cells of IDC, or of WISDOM where IDC has none."""
    for name in ("idc", "wisdom"):
        cells = findings.cells.get(name)
        if isinstance(cells, NeuronCells):
            return cells
    return None


def ceiling_bars(findings: CoverageFindings) -> Bars | None:
    """Return each criterion as a share of its ceiling; None where none has one."""
    bars = []
    for name in in_page_order(findings.measured):
        each = findings.measured[name]
        if each.normalised is None or each.ceiling is None:
            continue
        low, high = (None, None) if isinstance(each.ci95, Missing) else each.ci95
        bars.append(
            Bar(
                name.upper(),
                each.normalised,
                None if low is None else low / each.ceiling,
                None if high is None else high / each.ceiling,
                percent(each.normalised),
            )
        )
    if not bars:
        return None
    spoken = ", ".join(f"{bar.name} {percent(bar.value)}" for bar in bars)
    return Bars(
        name="coverage-shares",
        title="Each criterion as a share of its ceiling",
        caption="The ceiling is the largest value that a test set of this size can have. Criteria "
        "count different things: compare a criterion over test sets, not criteria with one "
        "another.",
        description=f"Bars, share of the ceiling: {spoken}.",
        axis=Axis("share of the ceiling", short_percent, low=0, high=1),
        bars=bars,
        faint=True,
    )


def rarefaction_lines(cells: NeuronCells) -> Lines:
    """Return how many cells numbers of tests reach, extrapolated beyond those there are."""
    rarefaction = cells.rarefaction
    tests = np.array(rarefaction.curve.tests, dtype=np.float64)
    reached = np.array(rarefaction.curve.cells, dtype=np.float64)
    known = tests <= rarefaction.tests
    later = tests >= rarefaction.tests
    asymptote, trained = rarefaction.estimated.value, float(cells.training_cells)
    top = 1.12 * max(float(reached.max()), trained, asymptote)
    areas = []
    if not isinstance(rarefaction.estimated.ci95, Missing):
        low, high = rarefaction.estimated.ci95
        areas.append(Area((), low, min(high, 2 * top), strength=0.1))
    return Lines(
        name="coverage-cells",
        title="How many more tests would help",
        caption="Solid: cells that fewer tests reach on average. Dotted: extrapolation to more "
        f"tests of the same kind. {asymptotic_coverage(rarefaction)} {more_tests(rarefaction)}",
        description=f"Curve: {count(rarefaction.tests)} tests reach {count(rarefaction.reached)} "
        f"cells; estimated asymptotic coverage at least about {count(asymptote)} cells; training "
        f"images reach {count(trained)}.",
        x=Axis("tests", count, low=0, whole=True),
        y=Axis("cells reached", count, low=0, high=top, whole=True),
        series=[
            Series("expected", tests[known], reached[known], colour="target"),
            Series("extrapolated", tests[later], reached[later], colour="target", dash="dotted"),
        ],
        levels=[
            Level(trained, "reached in training", colour="reference", dash="dashed"),
            Level(asymptote, "estimated asymptote", colour="muted", dash="sparse"),
        ],
        areas=areas,
        labels=[Label(rarefaction.tests, rarefaction.reached, f"{count(rarefaction.reached)} now")],
        height=300,
    )


def asymptotic_coverage(rarefaction: Rarefaction) -> str:
    """Return the estimated asymptotic coverage with its interval, as a sentence."""
    estimate = rarefaction.estimated
    if isinstance(estimate.ci95, Missing):
        bounds = f"no interval: {estimate.ci95.missing}"
    else:
        low, high = estimate.ci95
        bounds = f"95% interval of this lower bound {count(low)} to {count(high)}, shaded"
    return (
        f"Estimated asymptotic coverage of such tests: at least about {count(estimate.value)} "
        f"cells ({bounds})."
    )


def more_tests(rarefaction: Rarefaction) -> str:
    """Return how many more tests would reach most of the estimated cells, as a sentence."""
    share = percent(rarefaction.share, 0)
    if rarefaction.more <= 0:
        return f"{share} of these are reached."
    if rarefaction.more > MAX_TEST_FACTOR * rarefaction.tests:
        return f"{share} of these would need far more tests."
    more = count(float(f"{rarefaction.more:.2g}"))
    return f"About {more} more tests would reach {share} of these."
