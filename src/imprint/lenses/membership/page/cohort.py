"""The section of a cohort: every attack on every model, and what the models memorized."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from imprint.core.arrays import FloatArray
from imprint.core.missing import Missing
from imprint.lenses.membership.cohort_findings import CohortFindings, MemorizationFindings
from imprint.lenses.membership.findings import best_attack, names_best_first, resolved_fprs
from imprint.lenses.membership.page.figures import (
    MAX_ATTACKS,
    Curve,
    intersection_figures,
    join_equal,
    overlap_figure,
    roc_figure,
    with_yardstick,
)
from imprint.lenses.membership.page.tables import (
    attack_headlines,
    attack_table,
    control_results,
    note_bullets,
    skipped_details,
    warn_of_controls,
)
from imprint.lenses.membership.page.verdict import attack_verdict
from imprint.report.blocks import (
    Block,
    Columns,
    Controls,
    Details,
    Figures,
    Headlines,
    Paragraph,
    Part,
    Verdict,
    conclusions,
)
from imprint.report.figures.histogram import Histogram
from imprint.report.figures.lines import Lines
from imprint.report.gallery import read_gallery
from imprint.report.headline import Headline
from imprint.report.inputs import read_columns
from imprint.report.marks import Axis, Figure, Level
from imprint.report.prose import Text, number, prose
from imprint.report.section import SECTIONS, Section
from imprint.report.summary_file import mapping
from imprint.report.table import Column, Table
from imprint.report.wording import count, decimal, fixed, percent, plural
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json

SINGLE_IMAGES = "Models trained like this reveal single training images"
QUANTITIES = {
    "log_curvature_in": "curvature with it",
    "log_curvature_out": "curvature without it",
}
SHOWN_CORRELATIONS = 8


@SECTIONS.register("membership_cohort")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of a cohort, or None when the study has none.

    Raises:
        ImprintError: a finding, table or picture it needs is missing or damaged.
    """
    content = mapping(summary, "lenses").get("membership", {})
    if not isinstance(content, Mapping) or "cohort" not in content:
        return None
    findings = from_json(CohortFindings, content, "summary.json")
    attacks = findings.attacks
    _, least = best_attack(attacks)
    results, verdict = control_results(attacks), attack_verdict(attacks, SINGLE_IMAGES)
    headlines = attack_headlines(attacks, verdict.about, verdict.rate or least, "model")
    warnings: list[Text] = [prose("<b>Warning:</b> {}.", each) for each in findings.warnings or ()]
    warnings += warn_of_controls([result.name for result in results if not result.passed])
    blocks: list[Block] = [
        Verdict(
            verdict.heading,
            [_setup(findings, verdict.about)],
            warnings,
            found=verdict.kind == "found",
            anchor="membership-result",
            link="Membership",
        ),
        Headlines([*headlines, _memorized_headline(findings.memorization)]),
        Paragraph(_fit(findings), "remark"),
        Figures(cohort_figures(root / "membership", findings)),
        Part("Every attack", _attacks(findings), "membership-attacks", "Attacks"),
        _conclusions(len(attacks)),
    ]
    if results:
        note = Paragraph(
            "Negative controls, on the first model: where there is nothing to find, every attack "
            "must be at chance. A control fails when its 99.9% interval misses."
        )
        part: list[Block] = [note, Controls(results)]
        blocks.append(Part("Controls", part, "membership-controls", "Membership controls"))
    blocks += [_memorization_part(root, findings.memorization), _gallery_part(root, findings)]
    return Section("membership", "Membership", blocks, order=20)


def _attacks(findings: CohortFindings) -> list[Block]:
    note = (
        "Click a heading to sort. Each value is the mean over "
        f"{plural(findings.cohort.models, 'model')}, below it the 95% interval over models and "
        "images. TPR at FPR is the share of members called members while at most that share of "
        "non-members is; rates at which fewer than five false positives are expected per model "
        "are left out, since so few non-members cannot place the threshold. The balanced accuracy "
        "is that of a threshold chosen on one half of the records and measured on the other: the "
        "best threshold may do a little better. Queries: model calls for one record, at most."
    )
    return [
        Paragraph(note),
        attack_table(findings.attacks, resolved_fprs(findings.attacks)),
        *skipped_details(findings.skipped),
        *note_bullets(findings.attacks),
    ]


def _setup(findings: CohortFindings, about: str) -> Markup:
    """Return what was trained and how it was attacked."""
    cohort = findings.cohort
    population = (
        f" Another {count(cohort.population)} images, which no model was trained on, were the "
        "population to compare with."
        if cohort.population
        else ""
    )
    return prose(
        "{models} were trained, each on a different half of {records} images. Can an attacker "
        "infer from a single image which models were trained on it? Every model was attacked in "
        "turn, the others being its reference models; {attacks} scored every image.{population} "
        "Numbers are means over the models; those above the table are of <b>{about}</b>, the "
        "attack in the heading.",
        models=plural(cohort.models, "model"),
        records=count(cohort.records),
        attacks=plural(len(findings.attacks), "attack"),
        population=population,
        about=about,
    )


def _fit(findings: CohortFindings) -> Markup:
    accuracy = findings.cohort.accuracy
    population = (
        prose("")
        if isinstance(accuracy.population, Missing)
        else prose(", {} of the population", number(accuracy.population, percent))
    )
    return prose(
        "<b>Fit of the models:</b> they classify {members} of their own training images correctly "
        "and {others} of the others{population}. The wider this gap, the more there is to find: "
        "compare with your own model only if its gap is similar.",
        members=number(accuracy.members, percent),
        others=number(accuracy.non_members, percent),
        population=population,
    )


def _memorized_headline(memorization: MemorizationFindings) -> Headline:
    chance = memorization.share_by_chance
    return Headline(
        "Images memorized",
        memorization.share_memorized,
        chance,
        f"The share of images that models get right at least {decimal(100 * memorization.cut, 0)} "
        "points more often when they were trained on them. Noise alone would put "
        f"{percent(chance)} of the images there: a single score has a standard error of up to "
        f"{decimal(memorization.standard_error_bound, 2)}.",
        nothing="noise alone",
    )


def _conclusions(attacks: int) -> Part:
    return conclusions(
        [
            "These numbers describe a training procedure (architecture, data, length). Expect "
            "similar ones for another model trained in the same way.",
            "Look at the left end of the ROC curve, where an attacker makes few false positives. "
            "The AUC can be near one half while some members are identified with near certainty.",
            "A memorized image is one that models only get right when they were trained on it.",
        ],
        [
            "Chance-level attacks do not prove safety. A stronger attack, or more models, may "
            "find more.",
            "Intervals allow for other models and other images of the same kind. Another kind may "
            "differ by more.",
            "A single memorization score is noisy with few models: look at the standard error "
            "beside it.",
            f"The best of {plural(attacks, 'attack')} was chosen after the fact; its numbers are a "
            "little optimistic.",
        ],
    )


def cohort_figures(folder: Path, findings: CohortFindings) -> list[Figure]:
    """Return the figures of the attacks, and how far they agree.

    Args:
        folder: ``membership`` of the study.
        findings: of the cohort.

    Raises:
        ImprintError: a table is missing or damaged.
    """
    names, models = names_best_first(findings.attacks), findings.cohort.models
    figures: list[Figure] = [_mean_roc(folder, names, models, findings.cohort.records)]
    agreed = findings.agreement
    if len(agreed.attacks) > 1:
        chosen = names[:MAX_ATTACKS]
        rows = [agreed.attacks.index(name) for name in chosen]
        shares = np.array(agreed.overlap, dtype=np.float64)[np.ix_(rows, rows)]
        caption = (
            "Of the records that each attack scores highest, the percentage that the other has "
            "among its own, of the smaller set; the mean over all models."
        )
        figures.append(overlap_figure(chosen, shares, caption))
    if agreed.intersections is not None:
        figures += intersection_figures(agreed.intersections, models)
    return figures


def _mean_roc(folder: Path, names: list[str], models: int, records: int) -> Lines:
    table = read_columns(folder / "curves.parquet", "fpr", *names)
    rates = table["fpr"].astype(np.float64)
    labels = join_equal({name: np.round(table[name], 12).tobytes() for name in names})
    curves = {
        label: Curve(rates, table[labels[label]].astype(np.float64))
        for label in with_yardstick(list(labels))
    }
    return roc_figure(
        curves,
        1 / records,
        f"The mean over {plural(models, 'model')}, each with thresholds of its own and no step "
        f"interpolated. Nothing is drawn below {percent(float(rates[0]), 2)}, which so few "
        "non-members cannot resolve. The dotted line is guessing; attacks that order all records "
        "alike share a line.",
    )


def _memorization_part(root: Path, memorization: MemorizationFindings) -> Part:
    note = (
        "Rank correlation of an image's memorization with its mean score under each attack, over "
        "the models that were trained on it, and with its curvature: 1 is the same order, −1 the "
        "reverse. Memorization is that of one half of the models and the other quantity that of "
        "the other half, so they share no noise."
    )
    known = {
        QUANTITIES.get(name, name): value
        for name, value in memorization.correlation.items()
        if isinstance(value, Estimate)
    }
    rows = sorted(known.items(), key=lambda row: -abs(row[1].value))
    columns = [Column("Quantity"), Column("Rank correlation", fixed(2, sign=True))]
    tables: list[Block] = [Table(columns, rows[:SHOWN_CORRELATIONS])]
    if weaker := rows[SHOWN_CORRELATIONS:]:
        table = Table(columns, weaker, headings=False)
        tables.append(Details(f"{len(weaker)} weaker", [table]))
    correlations = Part("Correlates of memorization", [Paragraph(note), *tables])
    figure = memorization_figure(root / "membership", memorization)
    blocks: list[Block] = [
        Columns([[figure], [correlations]]),
        Paragraph(_describe_influence(memorization)),
    ]
    return Part("", blocks, "memorization", "Memorization")


def _describe_influence(memorization: MemorizationFindings) -> str:
    influence = memorization.influence
    if isinstance(influence, Missing):
        return f"The influence of single images on others cannot be shown: {influence.missing}."
    return (
        f"{plural(influence.pairs, 'pair')} of a training image and a population image of its "
        f"class reached an influence of {decimal(influence.least)} or more, which noise alone "
        "would do in one of them with a chance of at most 5%."
    )


def memorization_figure(folder: Path, memorization: MemorizationFindings) -> Histogram:
    """Return how many images have which memorization; arguments as :func:`cohort_figures`."""
    scores = read_columns(folder / "records.parquet", "memorization")["memorization"]
    return memorization_histogram(
        scores.astype(np.float64), memorization.cut, memorization.standard_error_bound
    )


def memorization_histogram(scores: FloatArray, cut: float, error_bound: float) -> Histogram:
    """Return how many images have which memorization.

    Args:
        scores: float64 ``[n]`` in [−1, 1]; NaN where there is none.
        cut: from where on an image counts as memorized.
        error_bound: the greatest standard error of a score.
    """
    known = scores[np.isfinite(scores)]
    low = min(-0.2, float(np.floor(known.min() * 10) / 10)) if len(known) else -0.2
    edges = np.arange(round(low * 20), 21) / 20
    memorized = int((known >= cut).sum())
    return Histogram(
        name="memorization",
        title="How much training on an image adds",
        caption=f"Of each of {count(len(known))} images, how much more often models get it right "
        f"that were trained on it than models that were not. To the right of {decimal(cut, 2)} an "
        "image counts as memorized. Scores below 0 show the noise: memorization cannot be "
        f"negative. Standard error of one score: up to {decimal(error_bound, 2)}.",
        description=f"Histogram of memorization: {memorized} of {len(known)} images from {cut:g} "
        "on.",
        x=Axis("memorization"),
        y=Axis("images", count, log=True),
        edges=edges,
        up=np.histogram(known, edges)[0],
        cut=Level(cut, dash="dashed", vertical=True),
        muted_below=cut,
        notes=(f"{memorized} memorized", ""),
    )


def _gallery_part(root: Path, findings: CohortFindings) -> Part:
    note = prose(
        "{chance}The images with the highest memorization of each class. <em>Detected</em>: in how "
        "many of the models that were trained on the image {best} calls it a member at {rate} "
        "FPR.",
        chance=prose("")
        if findings.memorization.exceeds_chance
        else prose(
            "<b>No more images are memorized than noise alone would bring, so chance may have put "
            "these first.</b> "
        ),
        best=findings.best,
        rate=percent(findings.cohort.found_at_fpr, 0),
    )
    gallery = read_gallery(
        root / "gallery" / "memorized", "memorized", "Filter the memorized images", note=note
    )
    shown: Block = gallery or Paragraph("There are no pictures in this study.")
    return Part("The most memorized images", [shown], "memorized", "Most memorized")
