"""How a noise variance was chosen, and what the choice does to the ranking of the records."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.findings import FitFindings
from imprint.lenses.leave_one_out.noise_findings import CriterionMaximum, NoiseSelection
from imprint.report.blocks import Block, Figures, Paragraph, Part
from imprint.report.figure import Axis, Level, Lines, Series
from imprint.report.prose import Text, number, prose, sentences
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.wording import fixed, significant, with_interval
from imprint.stats.estimate import Estimate

SHOWN_DECADES = 3
"""Powers of ten to either side of the choices over which the curves are drawn."""
SAME_RANKING = 0.95
"""Rank correlation from which on two noise variances are said to rank records alike."""


def noise_part(findings: FitFindings) -> list[Part]:
    """Return the part of the page about the choice; none where the noise was named."""
    selection = findings.noise_selection
    if selection is None:
        return []
    blocks: list[Block] = [
        *map(Paragraph, choice_texts(selection)),
        Figures([criteria_curves(selection, findings.distinct, findings.records)]),
        ranking_table(selection),
    ]
    return [Part("How the noise variance was chosen", blocks, "leave-one-out-noise-choice")]


def choice_texts(selection: NoiseSelection) -> list[Text]:
    """Return the verdict: both choices, and whether they rank records alike."""
    density, evidence = selection.density, selection.evidence
    fitted = selection.ranking.noise[0]
    chosen = prose(
        "<b>Noise variance {density} predicts left-out records best, {evidence} makes the targets "
        "most likely under the prior</b>{edges}. Fitted is {fitted}.",
        density=number(density.noise, significant),
        evidence=number(evidence.noise, significant),
        edges=_edges(density, evidence),
        fitted=significant(fitted),
    )
    return [sentences(chosen, agreement(selection)), _judged(selection)]


def agreement(selection: NoiseSelection) -> str:
    """Return in words how much the ranking of records depends on the choice."""
    ranking = selection.ranking
    least = [
        (name, *_least(ranking.noise[1:], values[1:]))
        for name, values in (
            ("divergences", ranking.with_fitted),
            ("mean distances", ranking.distance_with_fitted),
        )
        if any(isinstance(each, Estimate) for each in values[1:])
    ]
    if not least:
        return ""
    shown = " and ".join(
        f"{with_interval(each, fixed(2))} for {name}" + f" (at {significant(noise)})"
        for name, noise, each in least
    )
    if all(each.value >= SAME_RANKING for _, _, each in least):
        return (
            f"All {len(ranking.noise)} variances below rank the records nearly alike: the least "
            f"rank correlation with the fitted variance is {shown}."
        )
    return (
        "Which records stand out depends on it: the least rank correlation with the fitted "
        f"variance is {shown}."
    )


def _least(noises: Sequence[float], values: Sequence[Estimate | Missing]) -> tuple[float, Estimate]:
    """Return the noise variance whose ranking agrees least, and its rank correlation."""
    known = [
        (noise, each)
        for noise, each in zip(noises, values, strict=True)
        if isinstance(each, Estimate)
    ]
    return min(known, key=lambda pair: pair[1].value)


def _edges(density: CriterionMaximum, evidence: CriterionMaximum) -> str:
    ends = [name for name, each in (("first", density), ("second", evidence)) if each.at_edge]
    if not ends:
        return ""
    return (
        f" (the {' and the '.join(ends)} without a maximum inside the searched range: smaller "
        "variances are as good, or larger ones better)"
    )


def _judged(selection: NoiseSelection) -> str:
    if not selection.profiled:
        return "Both criteria are of the kernel as it is."
    factor = significant(selection.density.kernel_scale)
    return (
        "Both criteria are at the best common factor of kernel and noise, which predictions do not "
        f"depend on: {factor} by the density. Divergences and AUC are those of a factor of 1."
    )


def criteria_curves(selection: NoiseSelection, distinct: int, records: int) -> Lines:
    """Return both criteria against the noise variance, below their largest values.

    Args:
        selection: the choice.
        distinct: records that the density is a mean of.
        records: that the evidence is of.
    """
    curve = selection.curve
    noise = np.array(curve.noise)
    least, most = sorted((selection.density.noise, selection.evidence.noise))
    series = []
    for name, values, best, colour, marker in (
        (
            "leave-one-out density",
            np.array(curve.log_predictive_density),
            (selection.density.noise, selection.density.log_predictive_density),
            "target",
            "dot",
        ),
        (
            "evidence per record",
            np.array(curve.log_evidence) / records,
            (selection.evidence.noise, selection.evidence.log_evidence / records),
            "reference",
            "triangle",
        ),
    ):
        x, y = np.append(noise, best[0]), np.append(values, best[1]) - max(values.max(), best[1])
        order = np.argsort(x, kind="stable")
        x, y = x[order], y[order]
        near = (x >= least / 10**SHOWN_DECADES) & (x <= most * 10**SHOWN_DECADES)
        series.append(Series(name, x[near], y[near], colour=colour, marker=marker))  # type: ignore[arg-type]  # literals
    levels = [
        Level(selection.density.noise, "", "target", "dashed", vertical=True),
        Level(selection.evidence.noise, "", "reference", "dotted", vertical=True),
    ]
    return Lines(
        name="leave-one-out-noise-choice",
        title="Both criteria by noise variance",
        caption="Below the largest value of each, in nats per record: the mean log density of each "
        "target in the model without its record, and the log evidence of all targets. Vertical "
        "lines are the choices.",
        description=f"Two curves over the noise variance: the density is largest at "
        f"{significant(selection.density.noise)}, the evidence at "
        f"{significant(selection.evidence.noise)}; {distinct} distinct records.",
        x=Axis("noise variance", log=True),
        y=Axis("nats per record below the largest", significant),
        series=series,
        levels=levels,
        legend="ends",
    )


def ranking_table(selection: NoiseSelection) -> Table:
    """Return one row per noise variance: both criteria, and how its ranking agrees."""
    ranking = selection.ranking
    columns = [
        Column("Noise variance", significant, key="noise"),
        Column("Chosen by", key="chosen_by"),
        Column("Density", fixed(3), key="log_predictive_density"),
        Column("Evidence", fixed(1), key="log_evidence"),
        Column("ρ of KL", fixed(2), key="kl_rank_correlation"),
        Column("ρ of mean distance", fixed(2), key="distance_rank_correlation"),
    ]
    rows: list[list[Value | Cell]] = [
        [noise, chosen, density, evidence, divergence, distance]
        for noise, chosen, density, evidence, divergence, distance in zip(
            ranking.noise,
            ranking.chosen_by,
            ranking.log_predictive_density,
            ranking.log_evidence,
            _others(ranking.with_fitted),
            _others(ranking.distance_with_fitted),
            strict=True,
        )
    ]
    caption = (
        "The first row is fitted. Density: log predictive, nats per record; evidence: log, nats. "
        "ρ: rank correlation (Spearman) over distinct records with the values at the fitted "
        "variance, with 95% intervals: near 1 where both rank the records alike."
    )
    return Table(columns, rows, caption=caption, title="Noise variances and their rankings")


def _others(values: tuple[Estimate | Missing, ...]) -> list[Value]:
    """Return correlations with the fitted variance; none with itself."""
    return [None, *values[1:]]
