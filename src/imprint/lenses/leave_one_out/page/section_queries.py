"""The section on revealing queries: what searches found, and what is told around records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from imprint.lenses.leave_one_out.page import search_plots as plots
from imprint.lenses.leave_one_out.page.search_gallery import read_searches
from imprint.report.headline import Headline
from imprint.report.inputs import (
    as_estimate,
    estimate,
    lookup,
    mapping,
    number,
    read_columns,
)
from imprint.report.section import SECTIONS, Figure, Section
from imprint.report.templating import render
from imprint.report.wording import percent
from imprint.stats.estimate import Estimate

SEARCH, LANDSCAPE = "leave_one_out_search", "leave_one_out_landscape"
CLIMBED = {
    "correlation": "the signed correlation with the record",
    "kl_out_in": "the divergence of the models without and with the record",
    "kl_in_out": "the divergence of the models with and without the record",
    "mean_distance": "the distance of the mean predictions",
}
MEASURES = {
    "kl_out_in": "the divergence",
    "auc": "the AUC, above ½",
    "mean_distance": "the mean distance",
}


@SECTIONS.register("leave_one_out_queries")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of searches or landscapes, or None when the study has neither.

    Raises:
        ImprintError: a finding, table or picture it needs is missing or damaged.
    """
    lenses = mapping(summary, "lenses")
    if SEARCH not in lenses and LANDSCAPE not in lenses:
        return None
    html = render(
        "leave_one_out_queries.html.j2",
        search=_search(root / SEARCH, mapping(lenses, SEARCH)) if SEARCH in lenses else None,
        landscape=_landscape(mapping(lenses, LANDSCAPE)) if LANDSCAPE in lenses else None,
    )
    anchors = (("leave-one-out-search", "Revealing queries"),) if SEARCH in lenses else ()
    around = (("leave-one-out-landscape", "Around records"),) if LANDSCAPE in lenses else ()
    return Section(
        "leave_one_out_queries", "Revealing queries", html, order=31, anchors=anchors + around
    )


def _search(folder: Path, findings: Mapping[str, Any]) -> dict[str, Any]:
    success, named = estimate(findings, "success"), estimate(findings, "identified")
    enough = number(findings, "enough")
    reached = read_columns(folder / "records.parquet", "certificate")["certificate"]
    return {
        "verdict": _verdict(success, number(findings, "group_size")),
        "headlines": _headlines(success, named, enough, number(findings, "group_size")),
        "climbed": CLIMBED[str(lookup(findings, "objective"))],
        "method": {"lbfgs": "L-BFGS", "adam": "Adam"}[str(lookup(findings, "method"))],
        "start": str(lookup(findings, "start")),
        "noise": number(findings, "noise"),
        "searches": number(findings, "searches"),
        "group_size": number(findings, "group_size"),
        "queries": number(findings, "queries"),
        "certificate": estimate(findings, "certificate", "median"),
        "error": estimate(findings, "scaled_error"),
        "psnr": as_estimate(findings.get("psnr")),
        "pixel_correlation": as_estimate(findings.get("pixel_correlation")),
        "evaluations": number(findings, "evaluations"),
        "figure": Figure(
            "How near each search came to the bound",
            Markup(plots.certificates(reached, enough)),
            "The divergence at the query found, over that at the "
            f"{_removed(number(findings, 'group_size'))}. No query has "
            "more, so 1 certifies that nothing was missed.",
        ),
        "gallery": read_searches(folder),
    }


def _removed(group_size: float) -> str:
    return "record itself" if group_size == 1 else "records themselves"


def _verdict(success: Estimate, group_size: float) -> tuple[str, str]:
    removed = _removed(group_size)
    if success.value >= 0.5:
        most = "query is" if group_size == 1 else "queries are"
        return "found", f"The most revealing {most} the {removed}, and searches end there"
    if success.value > 0:
        return "found", f"Some searches ended at the {removed}"
    return "nothing", "No search came to the bound"


def _headlines(
    success: Estimate, named: Estimate, enough: float, group_size: float
) -> list[Headline]:
    return [
        Headline(
            "Bound reached",
            success,
            0.0,
            f"The share of searches that tell {percent(enough)} or more of what any query could "
            "tell of the removed record.",
            of="removed record" if group_size == 1 else "removed group",
            nothing="none",
        ),
        Headline(
            "Record named",
            named,
            0.0,
            "The share of removed records that, of all records, are at the smallest angle to the "
            "query found.",
            nothing="none",
        ),
    ]


def _peak(share: float, excess: float) -> str:
    """Return what the divergence along the lines says of its bound.

    Args:
        share: of the lines along which it is greatest at the record.
        excess: the most that it is above the value there, as a share of it.
    """
    why = "labels say something of predictions elsewhere only through the prediction there."
    if share == 1:
        return f"Greatest at the record itself along every line, as it must be: {why}"
    return (
        f"Greatest at the record itself along {percent(share)} of the lines, and elsewhere above "
        f"it by up to {percent(excess, 2)}. That is rounding, and a larger noise variance takes "
        f"it away: {why}"
    )


def _landscape(findings: Mapping[str, Any]) -> dict[str, Any]:
    steps, curves = lookup(findings, "steps"), mapping(findings, "curves")
    peaks = mapping(findings, "peak_at_record")
    captions = {
        "kl_out_in": _peak(
            number(peaks, "kl_out_in"), number(findings, "most_above_the_record", "kl_out_in")
        ),
        "auc": "How well an observer tells the two models apart, above guessing.",
        "mean_distance": "No divergence, and not bounded by that at the record.",
    }
    return {
        "records": number(findings, "records"),
        "lines": number(findings, "lines"),
        "noise": number(findings, "noise"),
        "peaks": [
            (what, number(findings, "peak_at_record", name)) for name, what in MEASURES.items()
        ],
        "figures": [
            Figure(
                MEASURES[name].removeprefix("the ").capitalize().replace("Auc", "AUC"),
                Markup(plots.along_lines(steps, curves, name)),
                captions[name],
            )
            for name in MEASURES
        ],
    }
