"""The section of influence tables beside retrained models: which predicts them, and how well."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.influence_quality_findings import (
    SIGN,
    Correlations,
    GivenModelFindings,
    InfluenceQuality,
    InfluenceQualityFindings,
)
from imprint.report.blocks import Block, Figures, Paragraph, Verdict, conclusions
from imprint.report.figure import Axis, Interval, IntervalGroup, Intervals, Level
from imprint.report.prose import prose
from imprint.report.section import SECTIONS, Section
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import Printed
from imprint.report.wording import count, decimal, fixed, percent, plural, with_interval
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json

KEY = "influence_quality"


@SECTIONS.register("influence_quality")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of given retrained models, or None when the study has none.

    Raises:
        ImprintError: a finding it needs is damaged.
    """
    lens = summary["lenses"].get("leave_one_out", {})
    if KEY not in lens:
        return None
    findings = from_json(GivenModelFindings, lens, "summary.json").influence_quality
    blocks: list[Block] = [_verdict(findings)]
    figure = score_figure(findings)
    if figure is not None:
        blocks.append(Figures([figure]))
    blocks += [quality_table(findings), Paragraph(quality_note(findings)), _conclusions()]
    return Section("influence-quality", "Influence beside retrained models", blocks, order=33)


def show_quality(findings: InfluenceQualityFindings) -> list[Printed]:
    """Return what the terminal shows: the verdict and one row a table."""
    parts: list[Printed] = [
        f"{count(findings.models)} retrained models of {plural(findings.records, 'record')}, "
        f"{plural(findings.queries, 'query', 'queries')}",
        verdict_statement(findings)[1],
        "",
        quality_table(findings),
        SIGN,
    ]
    return parts


def quality_table(findings: InfluenceQualityFindings) -> Table:
    """Return one row an influence table, the best first, then the control and the ceiling."""
    columns = [
        Column("Influence"),
        Column("LDS", fixed(2)),
        Column("LOO ρ", fixed(2), key="leave_one_out_spearman"),
        Column("LOO r", fixed(2), key="leave_one_out_pearson"),
        Column("Accuracy drop", percent, key="accuracy_drop"),
    ]
    rows: list[list[Value | Cell]] = [
        [name.replace("_", " "), *_measures(row)] for name, row in ranked_tables(findings)
    ]
    ceiling = findings.ceiling
    if not isinstance(ceiling.random_drop, Missing):
        rows.append(["random records", None, None, None, ceiling.random_drop])
    limits = [ceiling.datamodeling, *(coefficient(ceiling.leave_one_out, k) for k in KINDS)]
    if not all(isinstance(limit, Missing) for limit in limits):
        rows.append(["noise ceiling", *limits, None])
    return Table(
        columns,
        rows,
        title="Influence tables compared with retrained models (95 % interval)",
        sorted_by="LDS",
    )


def quality_note(findings: InfluenceQualityFindings) -> str:
    """Return what the columns measure, in sentences."""
    effects = (
        f"of {plural(findings.removed, 'record')}, from {plural(findings.pairs, 'pair')} of models "
        "with and without it"
        if findings.pairs
        else f"of {plural(findings.removed, 'record')}, the mean over models with it less that "
        "over models without"
    )
    return (
        "LDS, linear datamodeling score: rank correlation of summed influences with the outputs of "
        f"models trained on {plural(findings.subsets, 'subset')}. LOO: correlation with the effect "
        f"{effects}. Both are means over {plural(findings.queries, 'query', 'queries')}. Accuracy "
        f"drop: how much rarer models are right that hold few of a query's {findings.top} most "
        f"helpful records than models that hold many. {SIGN}"
    )


def verdict_statement(findings: InfluenceQualityFindings) -> tuple[bool, str]:
    """Return whether an influence table predicts retraining, and the sentence that says so."""
    for measure, kind in (("LDS", "datamodeling"), ("leave-one-out ρ", "leave_one_out")):
        best = _best(findings, kind)
        if best is None:
            continue
        name, value = best
        limit = getattr(findings.ceiling, kind)
        limit = coefficient(limit, "spearman") if kind == "leave_one_out" else limit
        end = "" if isinstance(limit, Missing) else f", of {decimal(limit.value, 2)} attainable"
        shown = f"{measure} {with_interval(value, fixed(2))}{end}"
        of = f", the best of {len(findings.tables)}," if len(findings.tables) > 1 else ""
        label = name.replace("_", " ")
        if value.low > 0:
            return True, f"{label}{of} predicts retrained models: {shown}"
        if value.high < 0:
            return False, f"{label}{of} predicts the opposite, check its sign: {shown}"
        return False, f"{label}{of} does not predict retrained models beyond noise: {shown}"
    return False, "The retrained models are too few to compare influence with"


def ranked_tables(findings: InfluenceQualityFindings) -> list[tuple[str, InfluenceQuality]]:
    """Return the tables by falling score, those without one last."""

    def order(item: tuple[str, InfluenceQuality]) -> float:
        score = item[1].datamodeling
        if isinstance(score, Missing):
            score = coefficient(item[1].leave_one_out, "spearman")
        return 2.0 if isinstance(score, Missing) else -score.value

    return sorted(findings.tables.items(), key=order)


def score_figure(findings: InfluenceQualityFindings) -> Intervals | None:
    """Return the score of every table with its interval; None without scores."""
    scores = [
        (name.replace("_", " "), score)
        for name, row in ranked_tables(findings)
        if not isinstance(score := row.datamodeling, Missing)
    ]
    shown = [
        Interval(name, score.value, score.low, score.high, colour="target")
        for name, score in scores
    ]
    if not shown:
        return None
    ceiling = findings.ceiling.datamodeling
    limit = None if isinstance(ceiling, Missing) else ceiling.value
    spoken = "; ".join(f"{each.name} {decimal(each.value, 2)}" for each in shown)
    end = "" if limit is None else f" Noise ceiling {decimal(limit, 2)}."
    low = min(0.0, *(score.low for _, score in scores))
    return Intervals(
        name="influence-quality",
        title="Linear datamodeling score of each influence table",
        caption="Mean over queries with its 95% interval. The line is the noise ceiling, what the "
        "true effects could reach with models so few.",
        description=f"Scores: {spoken}.{end}",
        axis=Axis("linear datamodeling score", low=max(-1.0, 1.05 * low), high=1.0),
        groups=[IntervalGroup(shown)],
        level=None if limit is None else Level(limit, "noise ceiling", "reference", "solid"),
    )


KINDS = ("spearman", "pearson")


def coefficient(correlations: Correlations | Missing, name: str) -> Estimate | Missing:
    """Return one coefficient, or why there is none."""
    if isinstance(correlations, Missing):
        return correlations
    estimate: Estimate = getattr(correlations, name)
    return estimate


def _measures(row: InfluenceQuality) -> list[Value | Cell]:
    both = [coefficient(row.leave_one_out, kind) for kind in KINDS]
    return [row.datamodeling, *both, row.accuracy_drop]


def _best(findings: InfluenceQualityFindings, kind: str) -> tuple[str, Estimate] | None:
    values = [
        (name, value)
        for name, row in findings.tables.items()
        if not isinstance(value := _single(row, kind), Missing)
    ]
    return max(values, key=lambda item: item[1].value) if values else None


def _single(row: InfluenceQuality, kind: str) -> Estimate | Missing:
    if kind == "datamodeling":
        return row.datamodeling
    return coefficient(row.leave_one_out, "spearman")


def _verdict(findings: InfluenceQualityFindings) -> Verdict:
    predicts, statement = verdict_statement(findings)
    accuracy = findings.accuracy
    text = prose(
        "{models} models were trained on different records of {records}. {tables} of influence "
        "{are} compared with their outputs at {queries}{right}.",
        models=count(findings.models),
        records=count(findings.records),
        tables=plural(len(findings.tables), "table"),
        are="is" if len(findings.tables) == 1 else "are",
        queries=plural(findings.queries, "query", "queries"),
        right=""
        if accuracy is None
        else f", where they are right {percent(accuracy.value)} of the time",
    )
    return Verdict(
        statement, [text], found=predicts, anchor="influence-quality", link="Influence tables"
    )


def _conclusions() -> Block:
    return conclusions(
        [
            "The ground truth is retraining. It is noisy: the ceiling is how well the true effects "
            "would do, from random halves of the models.",
            "Intervals are over queries, and over the subsets or records that all of them share.",
        ],
        [
            "Scores depend on the size of the subsets, on the networks and on how many models are "
            "averaged: compare them with published ones only where these are alike.",
            "An accuracy drop is read from subsets that others drew. Removing exactly the most "
            "helpful records, and training again, may do more.",
        ],
    )
