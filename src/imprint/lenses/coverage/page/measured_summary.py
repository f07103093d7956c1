"""Measured coverage in short: on the terminal, and in a line on the front page."""

from __future__ import annotations

from collections.abc import Iterator

from imprint.core.missing import Missing
from imprint.lenses.coverage.clusters.search import SearchResult
from imprint.lenses.coverage.findings import CoverageFindings, CriterionFinding, NeuronCells
from imprint.lenses.coverage.page.figures.cells import main_cells
from imprint.lenses.coverage.page.tables import (
    BY_PREDICTION,
    by_reason,
    criteria_tables,
    gap_table,
    in_page_order,
    scope_table,
    without_interval,
)
from imprint.report.lens import LensVerdict
from imprint.report.terminal import Printed
from imprint.report.wording import count, fixed, percent, plural, quantity, with_interval
from imprint.stats.estimate import Estimate

MAX_GAPS = 5


def coverage_lines(findings: CoverageFindings) -> Iterator[Printed]:
    """Yield tables and sentences for the terminal."""
    yield from criteria_tables(findings)
    yield "95% intervals of the mean value over test sets of as many inputs from the same source"
    if findings.by_prediction:
        yield BY_PREDICTION
    for name, reason in findings.missing.items():
        yield f"{name} missing: {reason}"
    for names, have, reason in by_reason(without_interval(findings)):
        yield f"{names} {have} no interval: {reason}"
    for name, cells in findings.cells.items():
        if isinstance(cells, NeuronCells) and cells.source:
            yield f"{name.upper()}: neurons by {cells.source}"
    if findings.gaps and any(example.name for gap in findings.gaps for example in gap.examples):
        yield gap_table(findings.gaps[:MAX_GAPS])
    if findings.layers_left_out:
        yield f"{findings.layers_left_out} layers not observed: their activations are too large"
    for part, scopes in (findings.scopes or {}).items():
        if isinstance(scopes, Missing):
            yield f"IDC by {part} missing: {scopes.missing}"
        else:
            yield scope_table(part, scopes)
    if findings.search is not None:
        yield _search(findings.search)


def _search(search: SearchResult) -> str:
    config = ", ".join(f"{name} {value}" for name, value in search.best_config.items())
    score = search.best_score
    if isinstance(score, Missing):
        return f"Best clusterer: {config}; {score.missing}"
    return (
        f"Best clusterer: {config}; correlation {with_interval(score, fixed(2))}, the best of "
        f"{search.num_evaluations} and so biased upwards"
    )


def coverage_verdict(findings: CoverageFindings) -> LensVerdict:
    """Return the main finding in a line."""
    cells, measured = main_cells(findings), findings.measured
    if cells is not None:
        reached, total = cells.training_cells_reached, cells.training_cells
        return LensVerdict(
            "The tests reach all patterns of important neurons that training shows"
            if reached == total
            else "The tests leave out patterns of important neurons that training shows",
            reached < total,
            f"of the patterns reached: {count(reached)} of {count(total)}",
            cells.training_share,
        )
    criteria = plural(len(measured), "criterion was", "criteria were")
    if not measured:
        return LensVerdict("No criterion could be measured", found=False)
    name = in_page_order(measured)[0]
    value, is_share = _estimate(measured[name])
    return LensVerdict(
        f"{criteria} measured",
        found=False,
        number=f"{name.upper()}, of its ceiling" if is_share else name.upper(),
        value=value,
        write=percent if is_share else quantity,
    )


def _estimate(finding: CriterionFinding) -> tuple[Estimate | float, bool]:
    """Return the value as a share of its ceiling where it has one, and whether it has."""
    ceiling = finding.ceiling if finding.normalised is not None else None
    value = finding.value if ceiling is None else finding.value / ceiling
    if isinstance(finding.ci95, Missing):
        return value, ceiling is not None
    low, high = (end / (ceiling or 1.0) for end in finding.ci95)
    return Estimate(value, (low, high), finding.n), ceiling is not None
