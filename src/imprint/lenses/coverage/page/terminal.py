"""The findings of the coverage lens on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from imprint.core.missing import Missing
from imprint.lenses.coverage.ablation_findings import AblationFindings
from imprint.lenses.coverage.clusters.search import SearchResult
from imprint.lenses.coverage.findings import (
    CoverageFindings,
    ImportanceFindings,
    NeuronCells,
    NoveltyFindings,
    WisdomFindings,
    read_findings,
)
from imprint.lenses.coverage.impartiality_findings import ImpartialityFindings
from imprint.lenses.coverage.page.ablation import ablation_headline, ablation_tables
from imprint.lenses.coverage.page.impartiality import correlation_table, impartiality_headline
from imprint.lenses.coverage.page.tables import (
    by_reason,
    criteria_tables,
    gap_table,
    importance_tables,
    scope_table,
    selector_table,
    vote_table,
    without_interval,
)
from imprint.lenses.coverage.page.test_choice import (
    order_table,
    selection_headline,
    selection_table,
)
from imprint.lenses.coverage.selection_findings import PrioritisationFindings, SelectionFindings
from imprint.report.terminal import TERMINAL, Printed
from imprint.report.wording import count, fixed, percent, with_interval

MAX_GAPS = 5


@TERMINAL.register("coverage")
def show_coverage(value: Mapping[str, Any]) -> Sequence[Printed]:
    """Return the tables and sentences of whatever command made the findings."""
    findings = read_findings(value, "summary.json")
    if isinstance(findings, CoverageFindings):
        return list(_coverage(findings))
    if isinstance(findings, ImportanceFindings):
        return importance_tables(findings)
    if isinstance(findings, WisdomFindings):
        selector = [] if findings.selector is None else [selector_table(findings.selector)]
        return [vote_table(findings), *selector]
    if isinstance(findings, PrioritisationFindings):
        missing = [f"{name} missing: {reason}" for name, reason in findings.missing.items()]
        return [order_table(findings), *missing]
    if isinstance(findings, AblationFindings):
        return [*ablation_tables(findings.ablation), ablation_headline(findings.ablation)]
    if isinstance(findings, ImpartialityFindings):
        impartiality = findings.impartiality
        return [correlation_table(impartiality), impartiality_headline(impartiality)]
    if isinstance(findings, SelectionFindings):
        return [selection_table(findings.selection), selection_headline(findings.selection)]
    return [_novelty(findings.monitor)]


def _coverage(findings: CoverageFindings) -> Iterator[Printed]:
    yield from criteria_tables(findings)
    yield "95% intervals of the mean value over test sets of as many inputs from the same source"
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


def _novelty(novelty: NoveltyFindings) -> str:
    return (
        f"{with_interval(novelty.new, percent)} of {count(novelty.new.n)} test inputs are in cells "
        f"that none of {count(novelty.training_inputs)} training inputs reach; "
        f"{percent(novelty.expected_new)} are expected of inputs like these; its {novelty.neurons} "
        f"neurons are chosen by {novelty.source}"
    )
