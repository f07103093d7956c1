"""The section of a comparison: which estimate agrees with retraining, and how far one could."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.influence_quality_findings import SIGN, Correlations
from imprint.lenses.leave_one_out.page.brittleness import (
    brittleness_part,
    brittleness_statement,
    brittleness_table,
)
from imprint.lenses.leave_one_out.page.influence_quality import quality_note, quality_table
from imprint.lenses.leave_one_out.retraining_findings import (
    ComparedCurves,
    ComparisonFindings,
    EstimatorRow,
    LineFindings,
    RetrainingFindings,
    TruthFindings,
)
from imprint.report.blocks import (
    Block,
    Details,
    Figures,
    Paragraph,
    Part,
    Verdict,
    conclusions,
)
from imprint.report.figure import (
    Axis,
    Colour,
    Figure,
    Interval,
    IntervalGroup,
    Intervals,
    Key,
    Level,
    Lines,
    Series,
)
from imprint.report.inputs import read_columns
from imprint.report.prose import number, prose
from imprint.report.section import SECTIONS, Section
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import Printed
from imprint.report.wording import (
    count,
    decimal,
    fixed,
    percent,
    plural,
    significant,
    with_interval,
)
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json

CLOSED_FORM = "lood_"
ALONG = {
    "auc": (
        "AUC",
        "AUC of the attack between networks with the record and those without by their logits "
        "there, and of the best test of the Gaussian process.",
    ),
    "kl_out_in": (
        "KL(out ‖ in) (nats)",
        "Divergence of normal distributions fitted to the logits, unbiased, so that it may fall "
        "below 0. The closed form is scaled to the networks' value at the record.",
    ),
    "mean_distance": (
        "Mean distance",
        "Half the mean squared shift of the logits, unbiased. The closed form, in other units, is "
        "scaled to the networks' value at the record.",
    ),
}
LINE_COLOURS: Mapping[str, Colour] = {"random": "target", "neighbour": "reference"}


@SECTIONS.register("leave_one_out_retraining")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of a comparison with retraining, or None when the study has none.

    Raises:
        ImprintError: a finding or table it needs is missing or damaged.
    """
    lens = summary["lenses"].get("leave_one_out", {})
    if "retraining" not in lens:
        return None
    findings = from_json(TruthFindings, lens, "summary.json")
    retraining, comparison = findings.retraining, findings.comparison
    blocks: list[Block] = [_verdict(retraining, comparison)]
    if comparison is not None:
        blocks.append(Figures(_figures(root, retraining, comparison)))
        blocks.append(_estimates(retraining, comparison))
    if findings.brittleness is not None:
        blocks.append(brittleness_part(findings.brittleness))
    if findings.lines is not None:
        blocks.append(_lines(findings.lines))
    blocks += [_conclusions(), _networks(retraining)]
    return Section("retraining", "Retraining", blocks, order=32)


def show_retraining(findings: TruthFindings) -> list[Printed]:
    """Return what the terminal shows: what was retrained, and one row per estimate."""
    retraining, comparison, lines = findings.retraining, findings.comparison, findings.lines
    parts: list[Printed] = [
        f"{retraining.removed} records left out of {retraining.records}, {retraining.pairs} pairs "
        f"of networks each: shift of a logit {_two_digits(retraining.root_difference)}, attack AUC "
        f"{_two_digits(retraining.auc)} (each ± {retraining.auc_error:.3f})"
    ]
    if lines is not None:
        parts.append(_line_sentence(lines))
    if comparison is not None:
        parts += ["", estimator_table(comparison, retraining), _cost_note(comparison)]
        if comparison.queries is not None:
            parts += ["", quality_table(comparison.queries), SIGN]
        if findings.brittleness is not None:
            statement = brittleness_statement(findings.brittleness)
            parts += ["", brittleness_table(findings.brittleness), statement]
        for name, row in comparison.estimators.items():
            if "unconverged" in row.facts:
                parts.append(f"{name}: {row.facts['unconverged']}")
        parts += [f"{name}: {reason}" for name, reason in comparison.skipped.items()]
    return parts


def estimator_table(comparison: ComparisonFindings, retraining: RetrainingFindings) -> Table:
    """Return one row per estimate, the best first, and the noise ceiling."""
    columns = [
        Column("Estimator"),
        Column("Shift ρ", fixed(2), key="shift_spearman"),
        Column("Shift r", fixed(2), key="shift_pearson"),
        Column("AUC ρ", fixed(2), key="auc_spearman"),
        Column("CPU s", significant),
        Column("MB", significant),
    ]
    # With held-out queries the score stands in a table of its own, beside its ceiling.
    if comparison.queries is None:
        columns.insert(4, Column("LDS", fixed(2)))
    rows: list[list[Value | Cell]] = [
        [
            Cell(name, note=str(row.facts.get("unconverged", row.facts.get("no_self", "")))),
            coefficient(row.difference, "spearman"),
            coefficient(row.difference, "pearson"),
            coefficient(row.auc, "spearman"),
            *([row.datamodeling] if comparison.queries is None else []),
            row.cpu_seconds,
            None if row.peak_bytes is None else row.peak_bytes / 1e6,
        ]
        for name, row in ranked(comparison)
    ]
    ceiling = retraining.ceiling.difference
    if not isinstance(ceiling, Missing):
        rows.append(
            ["noise ceiling", ceiling.spearman, ceiling.pearson, *[None] * (len(columns) - 3)]
        )
    return Table(
        columns,
        rows,
        title="Estimates compared with retraining (ρ rank correlation, r Pearson's; 95 % interval)",
        sorted_by="Shift ρ",
    )


def ranked(comparison: ComparisonFindings) -> list[tuple[str, EstimatorRow]]:
    """Return the estimates by falling rank correlation, those without one last."""

    def order(item: tuple[str, EstimatorRow]) -> float:
        rank = coefficient(item[1].difference, "spearman")
        return 2.0 if isinstance(rank, Missing) else -rank.value

    return sorted(comparison.estimators.items(), key=order)


def coefficient(correlations: Correlations | Missing, name: str) -> Estimate | Missing:
    """Return one coefficient, or why there is none."""
    if isinstance(correlations, Missing):
        return correlations
    estimate: Estimate = getattr(correlations, name)
    return estimate


def chosen_form(comparison: ComparisonFindings | None) -> tuple[str, Estimate] | None:
    """Return name and rank correlation of the closed form that was chosen beforehand.

    Of several noise variances that is the first; the best would be chosen by the truth.
    """
    if comparison is None:
        return None
    for name, row in comparison.estimators.items():
        if name.startswith(CLOSED_FORM):
            rank = coefficient(row.difference, "spearman")
            return None if isinstance(rank, Missing) else (name, rank)
    return None


def verdict_statement(rank: Estimate | None) -> tuple[bool, str]:
    """Return whether closed form and retraining agree, and the heading."""
    if rank is None:
        return False, "Records were left out, and networks trained again"
    shown = _two_digits(rank)
    if rank.low > 0:
        return True, f"Closed form and retraining rank records alike: Spearman {shown}"
    if rank.high < 0:
        return False, f"Closed form and retraining rank records in opposite order: {shown}"
    return False, f"Closed form and retraining do not rank records alike beyond noise: {shown}"


def _verdict(retraining: RetrainingFindings, comparison: ComparisonFindings | None) -> Verdict:
    form = chosen_form(comparison)
    agrees, statement = verdict_statement(None if form is None else form[1])
    shift, auc = retraining.root_difference, retraining.auc
    text = prose(
        "{removed} of {records} were left out, one at a time, and {pairs} networks trained without "
        "each; as many were trained with all of them, from the same weights and on the same "
        "batches. Leaving a record out moved a logit at the record by {shift} (root of the mean "
        "square, less its noise). From the logits, an attacker distinguishes networks with the "
        "record from those without with an AUC of {auc} on average; that of one record has a "
        "standard error of {error}.",
        removed=plural(retraining.removed, "record"),
        records=count(retraining.records),
        pairs=count(retraining.pairs),
        shift=number(shift.value, fixed(2)),
        auc=number(auc.value, percent),
        error=percent(retraining.auc_error),
    )
    return Verdict(statement, [text], found=agrees, anchor="retraining", link="Retraining")


def _estimates(retraining: RetrainingFindings, comparison: ComparisonFindings) -> Part:
    note = Paragraph(
        "Correlation over the removed records, with its 95% interval. The linear datamodeling "
        "score (LDS) is how well summed influences rank networks trained on random halves, at "
        f"held-out queries. {_cost_note(comparison)}"
    )
    queries: list[Block] = []
    if comparison.queries is not None:
        note_of_queries = Paragraph(quality_note(comparison.queries))
        queries = [note_of_queries, quality_table(comparison.queries)]
    skipped = [
        Paragraph(f"{name.replace('_', ' ')}: {reason}.")
        for name, reason in comparison.skipped.items()
    ]
    table = estimator_table(comparison, retraining)
    blocks: list[Block] = [note, table, *queries, *skipped]
    return Part("Estimates compared with retraining", blocks)


def _cost_note(comparison: ComparisonFindings) -> str:
    """Return what the columns of costs measure, and what none of the rows has."""
    texts = [
        "Time is CPU seconds of all threads; memory is the peak less that before, and what is "
        "loaded on first use counts for the first row that needs it."
    ]
    if comparison.training is not None:
        texts.append(
            "All but the closed forms start from a trained network; its "
            f"{significant(comparison.training.cpu_seconds)} CPU s are in no row."
        )
    if comparison.device != "cpu":
        texts.append(f"What ran on {comparison.device} has more time and memory.")
    return " ".join(texts)


def _figures(
    root: Path, retraining: RetrainingFindings, comparison: ComparisonFindings
) -> list[Figure]:
    figures: list[Figure] = []
    ranks = [
        (name, rank)
        for name, row in ranked(comparison)
        if not isinstance(rank := coefficient(row.difference, "spearman"), Missing)
    ]
    if ranks:
        figures.append(correlation_figure(ranks, retraining))
    form = chosen_form(comparison)
    if form is not None:
        figures.append(scatter_figure(root, form[0]))
    return figures


def correlation_figure(
    ranks: Sequence[tuple[str, Estimate]], retraining: RetrainingFindings
) -> Intervals:
    """Return the rank correlation of every estimate with its interval, one below the other."""
    ceiling = retraining.ceiling.difference
    limit = None if isinstance(ceiling, Missing) else ceiling.spearman.value
    shown = [
        Interval(
            name.replace("_", " "),
            rank.value,
            rank.low,
            rank.high,
            colour="target" if name.startswith(CLOSED_FORM) else "muted",
        )
        for name, rank in ranks
    ]
    spoken = "; ".join(f"{each.name} {decimal(each.value, 2)}" for each in shown)
    end = "" if limit is None else f" Noise ceiling {decimal(limit, 2)}."
    low = min(0.0, *(rank.low for _, rank in ranks))
    return Intervals(
        name="comparison-correlations",
        title="Rank correlation of each estimate with retraining",
        caption="Rank correlation over the removed records, with its 95% interval; in colour the "
        "closed forms. The line is the noise ceiling, what a perfect estimate could reach.",
        description=f"Rank correlations: {spoken}.{end}",
        axis=Axis(
            "rank correlation with the shift by retraining", low=max(-1.0, 1.05 * low), high=1.0
        ),
        groups=[IntervalGroup(shown)],
        level=None if limit is None else Level(limit, "noise ceiling", "reference", "solid"),
    )


def scatter_figure(root: Path, name: str) -> Lines:
    """Return the measured shift of each record against one closed form."""
    file = root / "comparison" / "records.parquet"
    table = read_columns(file, "difference", "difference_error", name)
    estimate, truth = table[name], np.sqrt(np.maximum(table["difference"], 0))
    # d√x = dx / 2√x; next to 0 the root is no more certain than √dx.
    error = np.minimum(
        table["difference_error"] / (2 * np.maximum(truth, 1e-12)),
        np.sqrt(table["difference_error"]),
    )
    varies = np.ptp(estimate) and np.ptp(truth)
    r = float(np.corrcoef(estimate, truth)[0, 1]) if varies else 0.0
    return Lines(
        name="comparison-scatter",
        title="Record by record",
        caption=f"Each removed record: {name.replace('_', ' ')} and the measured shift, with its "
        "standard error.",
        description=f"Scatter plot of {len(truth)} records: Pearson's correlation {decimal(r, 2)}.",
        x=Axis("closed form: root of the mean distance", low=0),
        y=Axis("retraining: shift of a logit", low=0),
        series=[
            Series(
                "", estimate, truth, truth - error, truth + error,
                line="none", colour="target", marker="dot", faint=True,
            )
        ],
        height=270,
    )  # fmt: skip


def _lines(findings: LineFindings) -> Part:
    note = Paragraph(
        f"{plural(findings.lines, 'line')} through each of {plural(findings.records, 'record')}, "
        "random and towards the most similar record. Means over records; bands are one standard "
        "error, over records and the networks they share (of the divergence over records alone, "
        "which is too narrow). Dashed is the Gaussian process at noise variance "
        f"{significant(findings.noise)}: its AUC and divergence are greatest at the record along "
        "every line. Networks of finite width need not follow."
    )
    figures: list[Figure] = []
    missing: list[Block] = []
    for name in ALONG:
        curves = findings.curves[name]
        if isinstance(curves, Missing):
            missing.append(Paragraph(f"{ALONG[name][0]}: missing, {curves.missing}."))
        else:
            figures.append(line_figure(findings, name, curves))
    blocks: list[Block] = [note, Figures(figures), *missing]
    return Part("Around the removed records", blocks, "retraining-lines")


def line_figure(findings: LineFindings, name: str, curves: ComparedCurves) -> Lines:
    """Return a measure of networks along lines of each kind, and the closed form beside it.

    The closed form is drawn in its own units where the measure is an AUC, else scaled to the value
    of the networks at the record.
    """
    label, caption = ALONG[name]
    origin, steps = findings.steps.index(0), findings.steps
    series, spoken = [], []
    for kind, colour in LINE_COLOURS.items():
        curve = getattr(curves, kind)
        networks = np.asarray(curve.networks, dtype=np.float64)
        form = np.asarray(curve.closed_form, dtype=np.float64)
        if name != "auc":
            form = form * (networks[origin] / form[origin])
        error = None if curve.error is None else np.asarray(curve.error, dtype=np.float64)
        series += [
            Series("", steps, form, colour=colour, dash="dashed", thin=True),
            Series(
                f"networks, {kind}", steps, networks,
                None if error is None else networks - error,
                None if error is None else networks + error,
                band=True, colour=colour,
            ),
        ]  # fmt: skip
        spoken.append(
            f"{kind}: networks {networks[origin]:.3g} at the record, {networks[-1]:.3g} at the "
            f"end; closed form {form[origin]:.3g} and {form[-1]:.3g}"
        )
    error_text = significant(findings.errors[name])
    return Lines(
        name=f"networks-{label.split()[0].lower().replace('(', '-').strip('-)')}",
        title=f"{label.split(' (')[0]} along lines",
        caption=f"{caption} At a single point the standard error is {error_text} (median).",
        description=f"{'. '.join(spoken)}.",
        x=Axis("distance from the record"),
        y=Axis(label),
        series=series,
        levels=[Level(0, vertical=True)],
        keys=[
            *(Key(f"networks, {kind}", colour) for kind, colour in LINE_COLOURS.items()),
            Key("closed form", "muted", "dashed"),
        ],
    )


def _line_sentence(findings: LineFindings) -> str:
    """Return the AUC of networks at the records and at the ends of lines, and the closed form's."""
    curves = findings.curves["auc"]
    if isinstance(curves, Missing):
        return f"AUC along lines: {curves.missing}"
    origin, ends = findings.steps.index(0), []
    for kind in LINE_COLOURS:
        curve = getattr(curves, kind)
        error = "" if curve.error is None else f" ± {curve.error[-1]:.3f}"
        ends.append(
            f"{kind} {curve.networks[-1]:.3f}{error} (closed form {curve.closed_form[-1]:.3f})"
        )
    first = curves.random
    record = f"{first.networks[origin]:.3f} (closed form {first.closed_form[origin]:.3f})"
    return f"AUC along lines: {record} at the record, at the end {', '.join(ends)}"


def _conclusions() -> Part:
    return conclusions(
        [
            "The ground truth is retraining. It has sampling error, so no estimate can agree with "
            "it perfectly: the noise ceiling is how far one could, for the shift. An attack fitted "
            "to half of the networks is weaker, so for the AUC there is no ceiling.",
            "Scores that are the shift of a loss are divided by its slope, so that all estimates "
            "are compared as shifts of the logits.",
        ],
        [
            "These are small networks, trained for this study. How estimates rank for other "
            "networks is another question.",
            "The noise variance of the closed form is a free parameter. Choosing it by these "
            "correlations would be tuning on the ground truth.",
        ],
    )


def _networks(retraining: RetrainingFindings) -> Details:
    settings = {**retraining.networks, **retraining.train}
    rows = [[name.replace("_", " "), str(value)] for name, value in settings.items()]
    if retraining.variances:
        ends = " and ".join(significant(retraining.variances[place]) for place in (0, -1))
        rows.append(["prior variance of a typical record, first and last layer", ends])
    table = Table([Column("Setting"), Column("Value")], rows, headings=False)
    return Details("The networks", [table])


def _two_digits(estimate: Estimate) -> str:
    return with_interval(estimate, fixed(2))
