"""Queries of a fit: the record each depends on most, groups, additions, and pairs of records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.findings import (
    AdditionFindings,
    GroupFindings,
    InfluentialRecords,
    QueryFindings,
    QueryStudyFindings,
    RecordPairFindings,
)
from imprint.lenses.leave_one_out.page.accuracy import accuracy_blocks, accuracy_sentence
from imprint.lenses.leave_one_out.page.influence_sums import sum_part, sum_table
from imprint.report.blocks import Block, Paragraph, Part, Verdict
from imprint.report.section import SECTIONS, Section
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import Printed
from imprint.report.wording import MISSING, count, fixed, percent, plural, significant
from imprint.study.finding import from_json

LENS = "leave_one_out"
MAX_QUERIES = 20
QUERY_FINDINGS = {"queries", "groups", "additions", "among_records"}
KL = Column("KL(out ‖ in)", significant, unit="nats", key="kl_out_in")
MEMORIZATION = Column("Memorization (+: raised)", fixed(2))
VALUE_MEMORIZATION = Column("Memorization (+: drawn closer)", significant)


@SECTIONS.register("leave_one_out_queries")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of queries alone, or None when the study has none or has a fit as well.

    Raises:
        ImprintError: a finding it needs is missing.
    """
    lens = summary["lenses"].get(LENS, {})
    if not QUERY_FINDINGS & set(lens) or "kernel" in lens:
        return None
    findings = from_json(QueryStudyFindings, lens, "summary.json")
    statement = "Queries of a finished fit"
    if isinstance(findings.queries, QueryFindings):
        statement = f"{plural(findings.queries.queries, 'query', 'queries')} of a finished fit"
    question = (
        "How far would the prediction for an input move without a record? Every record of the fit "
        f"in {summary['data']['fit']} was left out, and each model evaluated."
    )
    verdict = Verdict(
        statement, [question], found=False, anchor="leave-one-out-verdict", link="Queries"
    )
    blocks = [verdict, *query_blocks(findings)]
    return Section("leave_one_out_queries", "Leave-one-out queries", blocks, 40)


def query_blocks(findings: QueryStudyFindings) -> list[Block]:
    """Return what a fit was queried with."""
    blocks: list[Block] = []
    anchor = "leave-one-out-queries"
    if isinstance(findings.queries, Missing):
        blocks.append(Paragraph(f"No queries: {findings.queries.missing}.", anchor=anchor))
    elif findings.queries is not None:
        note = Paragraph(_query_note(findings.queries))
        exact = accuracy_blocks(findings.queries.accuracy, "leave-one-out-accuracy")
        blocks.append(Part("Queries", [note, query_table(findings.queries), *exact], anchor))
        if findings.queries.sums is not None:
            blocks.append(sum_part(findings.queries.sums, "leave-one-out-sums"))
    if findings.groups is not None:
        first, groups = len(findings.groups.first), findings.groups.groups
        note = Paragraph(
            f"{plural(groups, 'group')} of records, each left out as a whole"
            f"{_first(first, groups)}. Divergence and AUC are of the predictions for all of its "
            "records at once; memorization is a mean over them."
        )
        table = group_table(findings.groups)
        parts = [note, table, *accuracy_blocks(findings.groups.accuracy)]
        blocks.append(Part("Groups left out together", parts, "leave-one-out-groups"))
    if findings.additions is not None:
        first, added = len(findings.additions.first), findings.additions.additions
        note = Paragraph(
            f"{plural(added, 'record')} that the fit lacks, each added by itself"
            f"{_first(first, added)}: the models without and with it, at the record itself."
        )
        table = addition_table(findings.additions)
        parts = [note, table, *accuracy_blocks(findings.additions.accuracy)]
        blocks.append(Part("Records added to the fit", parts, "leave-one-out-additions"))
    if findings.among_records is not None:
        note = Paragraph("Pairs for which leaving out one record shows most at another.")
        table = pair_table(findings.among_records)
        blocks.append(Part("Records at one another", [note, table], "leave-one-out-among"))
        if findings.among_records.sums is not None:
            blocks.append(sum_part(findings.among_records.sums, "leave-one-out-among-sums"))
    return blocks


def show_queries(findings: QueryStudyFindings) -> list[Printed]:
    """Return what the terminal shows of queries."""
    queries, among = findings.queries, findings.among_records
    answers = {
        "Queries": findings.queries,
        "Groups": findings.groups,
        "Added records": findings.additions,
    }
    accuracies = {name: getattr(answer, "accuracy", None) for name, answer in answers.items()}
    sentences = [f"{name}: {accuracy_sentence(each)}" for name, each in accuracies.items() if each]
    tables = [
        None
        if not isinstance(queries, QueryFindings) or not queries.sums
        else sum_table(queries.sums),
        None if among is None or not among.sums else sum_table(among.sums),
        None if findings.groups is None else group_table(findings.groups),
        None if findings.additions is None else addition_table(findings.additions),
        None if findings.among_records is None else pair_table(findings.among_records),
    ]
    return [*(table for table in tables if table is not None), *sentences]


def query_table(findings: QueryFindings) -> Table:
    """Return one row per query, the first ones: the record whose absence shows most."""
    columns = [Column("Query", count), Column("Strongest record", count), KL]
    rows: list[list[str | float]] = [
        [query, index, value]
        for query, (index, value) in enumerate(
            zip(findings.most.index, findings.most.kl_out_in, strict=True)
        )
    ]
    if findings.labels is not None and findings.influential is not None:
        names = ("Class", "Raised by (+)", "Lowered by (−)")
        if findings.targets == "values":
            names = ("Target", "Drawn closer by (+)", "Moved away by (−)")
        columns += map(Column, names)
        for row, label, ends in zip(rows, findings.labels, findings.influential, strict=True):
            row += [label, _named(ends["raise"]), _named(ends["lower"])]
    return Table(columns, rows[:MAX_QUERIES])


def group_table(findings: GroupFindings) -> Table:
    """Return one row per group, the first ones."""
    columns = [
        Column("Group"),
        Column("Records", count),
        KL,
        Column("AUC", percent),
        MEMORIZATION,
        Column("Accuracy without it", percent),
    ]
    if any(row.error_out is not None for row in findings.first):
        error = Column("Root mean squared error without it", significant)
        columns[-2:] = [VALUE_MEMORIZATION, error]
    rows: list[list[Value | Cell]] = [
        [
            row.group,
            row.records,
            row.kl_out_in,
            row.auc,
            row.memorization,
            row.accuracy_out if row.error_out is None else row.error_out,
        ]
        for row in findings.first
    ]
    return Table(columns, rows, title="Groups left out together")


def addition_table(findings: AdditionFindings) -> Table:
    """Return one row per added record, the first ones."""
    columns = [
        Column("Record added"),
        Column("Target" if findings.targets == "values" else "Class"),
        Column("Prediction without it"),
        KL,
        Column("AUC", percent),
        VALUE_MEMORIZATION if findings.targets == "values" else MEMORIZATION,
    ]
    rows: list[list[Value | Cell]] = [
        [str(row.index), row.label, row.prediction_out, row.kl_out_in, row.auc, row.memorization]
        for row in findings.first
    ]
    return Table(columns, rows, title="Records added to the fit")


def pair_table(findings: RecordPairFindings) -> Table:
    """Return the pairs of the largest divergence."""
    columns = [Column("Left out"), Column("Query"), KL]
    rows: list[list[Value | Cell]] = [
        [str(row.removed), str(row.query), row.kl_out_in] for row in findings.most
    ]
    return Table(columns, rows, title="Records at one another")


def _query_note(findings: QueryFindings) -> str:
    shown = min(MAX_QUERIES, findings.queries)
    signed = ""
    if findings.targets == "values":
        signed = ", and the records that draw the prediction to its target and away from it most"
    elif findings.labels is not None:
        signed = ", and the records that raise and that lower the output of its class most"
    signed += ", with by how much" * bool(signed)
    return (
        f"{plural(findings.queries, 'query', 'queries')} of every model with one record less"
        f"{_first(shown, findings.queries)}: the record whose absence shows most{signed}. No query "
        "shows more of a record than the record itself."
    )


def _first(shown: int, total: int) -> str:
    return f", the first {count(shown)} of them" if shown < total else ""


def _named(records: InfluentialRecords) -> str:
    pairs = zip(records.index, records.influence, strict=True)
    return ", ".join(f"{index} ({significant(value)})" for index, value in pairs) or MISSING
