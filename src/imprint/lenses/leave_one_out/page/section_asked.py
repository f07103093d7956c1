"""Queries asked of a fit: which record each depends on, and which records speak for its class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imprint.report.inputs import lookup, mapping, number
from imprint.report.section import SECTIONS, Section
from imprint.report.templating import render

LENS = "leave_one_out"
MOST_QUERIES = 20
ASKED = {"queries", "groups", "additions", "among_records"}


@SECTIONS.register("leave_one_out_asked")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of queries alone, or None when the study has none or has a fit as well.

    Raises:
        ImprintError: a finding it needs is missing.
    """
    lenses = mapping(summary, "lenses")
    findings = lenses.get(LENS)
    if not isinstance(findings, Mapping) or not ASKED & set(findings) or "kernel" in findings:
        return None
    html = render(
        "leave_one_out_asked_alone.html.j2",
        queries=asked(findings),
        **together(findings),
        fit=str(lookup(summary, "data", "fit")),
    )
    anchors = (("leave-one-out-queries", "Queries"),)
    return Section("leave_one_out_asked", "Leave one out", html, order=40, anchors=anchors)


def asked(findings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the first queries of a study for the page, or why there are none.

    Raises:
        ImprintError: a finding it needs is missing.
    """
    if "queries" not in findings:
        return None
    found = mapping(findings, "queries")
    if "missing" in found:
        return {"missing": str(found["missing"])}
    most = mapping(found, "most")
    pairs = zip(lookup(most, "index"), lookup(most, "kl_out_in"), strict=True)
    rows: list[dict[str, Any]] = [{"index": index, "kl": kl} for index, kl in pairs]
    labelled = "labels" in found
    if labelled:
        told = zip(rows, lookup(found, "labels"), lookup(found, "influential"), strict=True)
        for row, label, ends in told:
            row["label"] = str(label)
            row["raised"], row["lowered"] = _named(ends, "raise"), _named(ends, "lower")
    count = number(found, "queries")
    return {"missing": None, "count": count, "labelled": labelled, "rows": rows[:MOST_QUERIES]}


def together(findings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is told of groups, of records added, and of records at one another.

    Raises:
        ImprintError: a finding it needs is missing.
    """
    groups, added, among = (
        mapping(findings, name) if name in findings else None
        for name in ("groups", "additions", "among_records")
    )
    return {
        "groups": None if groups is None else list(lookup(groups, "first")),
        "group_count": 0 if groups is None else number(groups, "groups"),
        "added": None if added is None else list(lookup(added, "first")),
        "added_count": 0 if added is None else number(added, "additions"),
        "among": None if among is None else list(lookup(among, "most")),
    }


def _named(ends: Mapping[str, Any], name: str) -> list[tuple[int, float]]:
    records = mapping(ends, name)
    return list(zip(lookup(records, "index"), lookup(records, "influence"), strict=True))
