"""The section on revealing queries: what searches reached, and landscapes around records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.lenses.leave_one_out.findings import LandscapeFindings, SearchFindings
from imprint.lenses.leave_one_out.noise_line_findings import NoiseLineFindings
from imprint.lenses.leave_one_out.page.noise_lines import NOISE_LINES, noise_line_part
from imprint.report.blocks import (
    Block,
    Figures,
    Headlines,
    Paragraph,
    Part,
    Verdict,
    conclusions,
)
from imprint.report.figure import Axis, Colour, Figure, Level, Lines, Series
from imprint.report.gallery import read_gallery
from imprint.report.headline import Headline
from imprint.report.inputs import read_columns
from imprint.report.prose import Text, number, prose, sentences
from imprint.report.section import SECTIONS, Section
from imprint.report.table import Cell, Column, Table, Value
from imprint.report.terminal import TERMINAL, Printed
from imprint.report.wording import decimal, fixed, percent, plural, with_interval
from imprint.study.finding import from_json

SEARCH, LANDSCAPE = "leave_one_out_search", "leave_one_out_landscape"
OBJECTIVES = {
    "correlation": "the signed correlation with the record",
    "kl_out_in": "the divergence of the models without and with the record",
    "kl_in_out": "the divergence of the models with and without the record",
    "mean_distance": "the distance of the mean predictions",
}
OPTIMISERS = {"lbfgs": "L-BFGS", "adam": "Adam"}
MEASURES = {
    "kl_out_in": "Divergence",
    "auc": "AUC above ½",
    "mean_distance": "Mean distance",
}
LINES: Mapping[str, tuple[str, Colour]] = {
    "random": ("random", "target"),
    "neighbour": ("to the neighbour", "reference"),
    "principal": ("principal", "correlated"),
    "brightness": ("brightness", "ink"),
}


@SECTIONS.register("leave_one_out_search")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of searches or landscapes, or None when the study has neither.

    Raises:
        ImprintError: a finding, table or picture it needs is missing or damaged.
    """
    lenses, blocks = summary["lenses"], []
    if SEARCH in lenses:
        findings = from_json(SearchFindings, lenses[SEARCH], "summary.json")
        blocks += _search(root / SEARCH, findings)
    if LANDSCAPE in lenses:
        landscape = from_json(LandscapeFindings, lenses[LANDSCAPE], "summary.json")
        blocks.append(_landscape(landscape))
    if NOISE_LINES in lenses:
        lines = from_json(NoiseLineFindings, lenses[NOISE_LINES], "summary.json")
        blocks.append(noise_line_part(lines))
    if not blocks:
        return None
    blocks.append(_conclusions(searched=SEARCH in lenses))
    return Section("leave_one_out_search", "Revealing queries", blocks, order=31)


@TERMINAL.register(SEARCH)
def show_search(lens: Mapping[str, Any]) -> Sequence[Printed]:
    """Return what the terminal shows of searches."""
    return [search_table(from_json(SearchFindings, lens, "summary.json"))]


@TERMINAL.register(LANDSCAPE)
def show_landscape(lens: Mapping[str, Any]) -> Sequence[Printed]:
    """Return what the terminal shows of a landscape."""
    return [landscape_table(from_json(LandscapeFindings, lens, "summary.json"))]


def search_table(findings: SearchFindings) -> Table:
    """Return how many searches reached the bound, and how many records they identified."""
    reached = findings.certificate
    rows: list[list[Value | Cell]] = [
        [
            f"searches that reach {findings.target_share:g} of the bound",
            Cell(findings.success, with_interval(findings.success, percent)),
        ],
        [
            "records identified",
            Cell(findings.identified, with_interval(findings.identified, percent)),
        ],
        [
            "share of the bound, median",
            Cell(reached.median, with_interval(reached.median, fixed(5))),
        ],
        ["share of the bound, least and most", f"{reached.least:.5f} and {reached.most:.7f}"],
    ]
    title = "Search for revealing queries"
    return Table([Column("Measure"), Column("Value")], rows, title=title, headings=False)


def landscape_table(findings: LandscapeFindings) -> Table:
    """Return the share of lines along which each measure is greatest at the record."""
    peaks = findings.peak_at_record
    rows: list[list[Value | Cell]] = [
        [title, getattr(peaks, name)] for name, title in MEASURES.items()
    ]
    return Table([Column("Measure"), Column("Lines that peak at the record", percent)], rows)


def _search(folder: Path, findings: SearchFindings) -> list[Block]:
    shares = read_columns(folder / "records.parquet", "certificate")["certificate"]
    blocks: list[Block] = [
        _verdict(findings),
        Headlines(_headlines(findings)),
        Paragraph(_remark(findings), "remark"),
        Figures([certificate_figure(shares, findings)]),
    ]
    gallery = read_gallery(folder, "search", "Filter the searches", size="large")
    if gallery is not None and gallery.cards:
        note = Paragraph(
            "The removed record, where its search started, and the query it reached, scaled to the "
            "record and clipped to pixels."
        )
        blocks.append(Part("Queries that the searches reached", [note, gallery]))
    return blocks


def _verdict(findings: SearchFindings) -> Verdict:
    single = findings.group_size == 1
    removed = "record itself" if single else "records themselves"
    if findings.success.value >= 0.5:
        queries = "query is" if single else "queries are"
        statement = f"The most revealing {queries} the {removed}, and searches end there"
    elif findings.success.value > 0:
        statement = f"Some searches ended at the {removed}"
    else:
        statement = "No search reached the bound"
    absent = "a record" if single else f"{plural(findings.group_size, 'record')} of one class"
    start = "uniform noise" if findings.start == "noise" else "other records"
    together = f", {plural(findings.queries, 'input')} at a time" if findings.queries > 1 else ""
    question = (
        f"Which input's prediction best reveals the absence of {absent}? "
        f"{plural(findings.searches, 'search', 'searches')}, each from {start}{together}, "
        f"maximised {OBJECTIVES[findings.objective]} by {OPTIMISERS[findings.method]}. The search "
        "knows the record and all others."
    )
    return Verdict(
        statement,
        [question],
        found=findings.success.value > 0,
        anchor="leave-one-out-search",
        link="Revealing queries",
    )


def _headlines(findings: SearchFindings) -> list[Headline]:
    return [
        Headline(
            "Bound reached",
            findings.success,
            0.0,
            f"The share of searches that reach {percent(findings.target_share)} or more of the "
            "bound on the divergence of any query.",
            of="removed record" if findings.group_size == 1 else "removed group",
            nothing="none",
        ),
        Headline(
            "Records identified",
            findings.identified,
            0.0,
            "The share of removed records that, of all records, are at the smallest angle to the "
            "query.",
            nothing="none",
        ),
    ]


def _remark(findings: SearchFindings) -> Text:
    certificate, error = findings.certificate.median, findings.scaled_error
    pictures: Text = ""
    if findings.psnr is not None:
        alike: Text = ""
        if findings.pixel_correlation is not None:
            alike = prose(
                " and pixels that correlate by {}",
                number(findings.pixel_correlation.value, fixed(3)),
            )
        pictures = prose(
            "As pictures, record and query have a peak signal-to-noise ratio of {} dB{} (medians).",
            number(findings.psnr.value, fixed(1)),
            alike,
        )
    reached = prose(
        "<b>The median search reached {} of the bound</b>, 95% interval {} to {}, after {} "
        "evaluations on average. The query then differs from the record by {} of its length "
        "(median), after the best positive scaling.",
        number(certificate.value, _exact_percent),
        percent(certificate.low, 3),
        percent(certificate.high, 3),
        decimal(findings.evaluations, 0),
        number(error.value, lambda share: percent(share, 2)),
    )
    return sentences(reached, pictures)


def _exact_percent(share: float) -> str:
    return percent(share, 3)


def certificate_figure(shares: FloatArray, findings: SearchFindings) -> Lines:
    """Return the certificates of all searches in rising order.

    Args:
        shares: of the bound, float64 ``[b]``, in [0, 1].
        findings: of the searches.
    """
    ordered = np.sort(shares)
    places = 100 * (np.arange(len(ordered)) + 0.5) / len(ordered)
    good = int((ordered >= findings.target_share).sum())
    removed = "record itself" if findings.group_size == 1 else "records themselves"
    return Lines(
        name="certificates",
        title="Share of the bound that each search reached",
        caption=f"The divergence at the query, over that at the {removed}. No query has more, so 1 "
        "certifies that it is the most revealing query.",
        description=f"Dots: share of the bound that each search reached; {good} of {len(ordered)} "
        f"reached {findings.target_share:g} or more, the least {ordered[0]:.3g}.",
        x=Axis("searches, from the least (%)", low=0, high=100),
        y=Axis("share of the bound", low=0, high=1.12),
        series=[Series("", places, ordered, line="none", colour="target", marker="dot")],
        levels=[Level(1, label="bound on any query")],
    )


def _landscape(findings: LandscapeFindings) -> Part:
    note = Paragraph(
        f"{plural(findings.lines, 'line')} through each of {plural(findings.records, 'record')}: "
        "random, towards the most similar record, along the directions of the largest variance, "
        "and brighter or darker. Medians, over the value at the record. Distances are root mean "
        "squares over the numbers of an input."
    )
    peaks = findings.peak_at_record
    shares = [
        prose("{} on <b>{}</b>", title, percent(getattr(peaks, name)))
        for name, title in MEASURES.items()
    ]
    remark = prose("Share of the lines that peak at the record: {}, {}, {}.", *shares)
    figures = Figures([line_figure(findings, name) for name in MEASURES])
    blocks: list[Block] = [note, figures, Paragraph(remark, "remark")]
    title, anchor = "Around records", "leave-one-out-landscape"
    return Part(title, blocks, anchor, title)


def line_figure(findings: LandscapeFindings, name: str) -> Figure:
    """Return a measure along lines of each kind, over its value at the record."""
    curves = {kind: getattr(curve, name) for kind, curve in findings.curves.items()}
    ends = ", ".join(f"{LINES[kind][0]} {curve[-1]:.2g}" for kind, curve in curves.items())
    captions = {
        "kl_out_in": peak_caption(
            findings.peak_at_record.kl_out_in, findings.most_above_the_record.kl_out_in
        ),
        "auc": "How well an observer distinguishes the two models, above chance.",
        "mean_distance": "Not a divergence, and not bounded by its value at the record.",
    }
    return Lines(
        name=f"along-{name.replace('_', '-')}",
        title=MEASURES[name],
        caption=captions[name],
        description=f"Lines: {name} over its value at the record; at the last step {ends}.",
        x=Axis("distance from the record"),
        y=Axis("over that at the record", low=0),
        series=[
            Series(LINES[kind][0], findings.steps, curve, colour=LINES[kind][1])
            for kind, curve in curves.items()
        ],
        levels=[Level(0, vertical=True)],
    )


def peak_caption(share: float, excess: float) -> str:
    """Return what the divergence along the lines says of its bound.

    Args:
        share: of the lines along which it is greatest at the record.
        excess: the most that it is above the value there, as a share of it.
    """
    why = "labels act on predictions elsewhere only through the prediction there."
    if share == 1:
        return f"Greatest at the record itself along every line, as it must be: {why}"
    return (
        f"Greatest at the record itself along {percent(share)} of the lines, and elsewhere above "
        f"it by up to {percent(excess, 2)}. That is rounding, which a larger noise variance "
        f"removes: {why}"
    )


def _conclusions(searched: bool) -> Part:
    up_to = ", up to its brightness and contrast where the kernel leaves these open"
    known = "A search knows the record and all others. " if searched else ""
    return conclusions(
        [
            "The bound on what a prediction reveals of one record is known beforehand, and the "
            f"query that attains it is the record{up_to if searched else ''}.",
            "More queries, or other ones, reveal no more.",
        ],
        [
            f"{known}This is an audit of what can leak, not an attack by someone who lacks the "
            "record.",
            "A network of finite width need not peak at the record. Where it does not, that is an "
            "effect of its training.",
        ],
    )
