"""The coverage section: what tests exercise, what they leave out, and whether more would help."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from imprint.lenses.coverage.page.gallery import read_gaps
from imprint.lenses.coverage.page.plots import Bar, cells_by_tests, shares_of_ceilings
from imprint.lenses.coverage.page.words import CRITERIA
from imprint.report.inputs import as_estimate, estimate, is_number, lookup, mapping, number
from imprint.report.section import SECTIONS, Figure, Section
from imprint.report.templating import render
from imprint.report.wording import count, percent, plural, superscript

LENS = "coverage"
CELLS = ("idc", "wisdom")
MANY = 100
"""As many more tests as there are is no plan to give a number for."""

DIGITS = 15
"""Longer counts are told by their power of ten."""


@SECTIONS.register(LENS)
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of what tests cover, or None when the study has none.

    Raises:
        ImprintError: a finding or picture it needs is missing or damaged.
    """
    if LENS not in mapping(summary, "lenses"):
        return None
    findings = mapping(summary, "lenses", LENS)
    rows = _rows(mapping(findings, "criteria")) if "criteria" in findings else []
    cells = _cells(findings)
    html = render(
        "coverage.html.j2",
        verdict=_verdict(findings, rows, cells),
        looked=_looked(findings) if rows else None,
        rows=[row for row in rows if row["missing"] is None],
        missing=[row for row in rows if row["missing"] is not None],
        cells=cells,
        figures=_figures(rows, cells),
        gallery=read_gaps(root / "gallery" / LENS),
        no_gaps=findings.get("gaps") == [],
        monitor=_monitor(findings),
        leading=_leading(findings),
        chosen=_chosen(findings),
        scopes=_scopes(findings),
        class_names=[str(name) for name in summary["data"].get("class_names", ())],
    )
    anchors = (("coverage-result", "Coverage"), ("coverage-criteria", "Criteria"))
    return Section(LENS, "Coverage", html, order=50, anchors=anchors if rows else anchors[:1])


SCOPES = {"class": "Class", "layer": "Layer", "group": "Third of the depth"}
"""What coverage can be told apart by."""


def _scopes(findings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return coverage of each class, layer or third, where it was asked for."""
    if "scopes" not in findings:
        return []
    found = mapping(findings, "scopes")
    return [
        {
            "key": part,
            "title": SCOPES.get(part, part),
            "missing": found[part].get("missing"),
            "mean": found[part].get("mean"),
            "rows": [
                {
                    "name": name,
                    "value": number(one, "value"),
                    "ceiling": number(one, "ceiling"),
                    "reached": number(one, "reached"),
                    "n": number(one, "n"),
                }
                for name, one in found[part].get("scopes", {}).items()
            ],
        }
        for part in found
    ]


def _looked(findings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was looked at."""
    train, network = lookup(findings, "train"), findings.get("network")
    return {
        "tests": number(findings, "test"),
        "train": train if is_number(train) else None,
        "neurons": number(findings, "neurons"),
        "layers": len(lookup(findings, "layers")),
        "network": None if network is None else str(network),
    }


def _rows(criteria: Mapping[str, Any]) -> list[dict[str, Any]]:
    order = [*CRITERIA, *sorted(set(criteria) - CRITERIA.keys())]
    return [_row(name, mapping(criteria, name)) for name in order if name in criteria]


def _row(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    short, meaning = CRITERIA.get(name, (name, ""))
    told: dict[str, Any] = {"name": short, "meaning": meaning, "missing": None, "why": None}
    told |= {"low": None, "high": None}
    if "missing" in found:
        return {**told, "missing": str(found["missing"])}
    shown, ceiling = as_estimate(found), lookup(found, "ceiling")
    told |= {"value": number(found, "value"), "ceiling": None, "share": None}
    told["is_share"] = is_number(ceiling) and 0 < ceiling <= 1
    if shown is not None:
        told |= {"low": shown.low, "high": shown.high}
    else:
        told["why"] = str(lookup(found, "ci95", "missing"))
    if is_number(ceiling) and ceiling > 0:
        told |= {"ceiling": float(ceiling), "share": told["value"] / ceiling}
    return told


def _cells(findings: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what is told of the cells of important neurons, of IDC before WISDOM."""
    if "cells" not in findings:
        return None
    for name in CELLS:
        found = mapping(findings, "cells").get(name, {})
        if "rarefaction" in found:
            curve = mapping(found, "rarefaction", "curve")
            return {
                "name": CRITERIA[name][0],
                "reached": number(found, "reached"),
                "tests": number(found, "n"),
                "cells": _all_cells(str(lookup(found, "cells"))),
                "trained": number(found, "training_cells"),
                "shared": number(found, "training_share"),
                "training_cells_reached": number(found, "training_cells_reached"),
                "estimated": mapping(found, "rarefaction", "estimated"),
                "next_is_new": number(found, "rarefaction", "next_is_new"),
                "share": number(found, "rarefaction", "share"),
                "more": number(found, "rarefaction", "more"),
                "curve": curve,
                "neurons": [
                    (str(lookup(one, "layer")), int(lookup(one, "neuron")))
                    for one in lookup(found, "neurons")
                ],
            }
    return None


def _chosen(findings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the neurons that each criterion of cells looks at, and what chose them."""
    if "cells" not in findings:
        return []
    cells = mapping(findings, "cells")
    return [
        {
            "name": CRITERIA[name][0],
            "source": cells[name].get("source"),
            "neurons": [
                (str(lookup(one, "layer")), int(lookup(one, "neuron")))
                for one in lookup(cells, name, "neurons")
            ],
        }
        for name in CELLS
        if "neurons" in cells.get(name, {})
    ]


def _all_cells(digits: str) -> str:
    """Return how many cells there are, of whatever size.

    >>> _all_cells("1024"), _all_cells("1" + "0" * 400)
    ('1,024', 'about 10⁴⁰⁰')
    """
    return (
        f"{int(digits):,}" if len(digits) <= DIGITS else f"about 10{superscript(len(digits) - 1)}"
    )


def _verdict(
    findings: Mapping[str, Any], rows: list[dict[str, Any]], cells: dict[str, Any] | None
) -> tuple[str, str]:
    """Return the kind and the heading of what the findings allow to say."""
    if cells is not None:
        return "found", (
            f"The tests reach {percent(cells['shared'], 0)} of the patterns of important neurons "
            f"that training images show: {count(cells['training_cells_reached'])} of "
            f"{count(cells['trained'])}"
        )
    if rows:
        measured = [row for row in rows if row["missing"] is None]
        return "nothing", f"{plural(len(measured), 'criterion', 'criteria')} measured"
    if "monitor" in findings:
        new = estimate(findings, "monitor", "new")
        return "found", f"{percent(new.value)} of the test images are wholly new to the network"
    return "nothing", "Which neurons matter"


def _figures(rows: list[dict[str, Any]], cells: dict[str, Any] | None) -> list[Figure]:
    bars = [
        Bar(
            row["name"],
            row["share"],
            None if row["low"] is None else row["low"] / row["ceiling"],
            None if row["high"] is None else row["high"] / row["ceiling"],
        )
        for row in rows
        if row["missing"] is None and row["share"] is not None
    ]
    figures = []
    if cells is not None:
        figures.append(_curve(cells))
    if bars:
        figures.append(
            Figure(
                "Each criterion as a share of its ceiling",
                Markup(shares_of_ceilings(bars)),
                "A ceiling is what no set of as many tests can exceed. Criteria count different "
                "things: compare a criterion over test sets, not criteria with one another.",
            )
        )
    return figures


def _curve(cells: dict[str, Any]) -> Figure:
    value, interval = number(cells, "estimated", "value"), as_estimate(cells["estimated"])
    bounds = None if interval is None else (interval.low, interval.high)
    return Figure(
        "How many more tests would help",
        Markup(
            cells_by_tests(
                np.array(lookup(cells, "curve", "tests"), dtype=np.float64),
                np.array(lookup(cells, "curve", "cells"), dtype=np.float64),
                (int(cells["tests"]), int(cells["reached"])),
                (value, bounds),
                int(cells["trained"]),
            )
        ),
        "Cells that fewer tests would have reached on average, and dotted, that more of the same "
        f"kind would. In the end, tests of this kind reach at least about {count(value)} cells "
        f"({_bounds(cells, bounds)}). {_more(cells)}",
    )


def _bounds(cells: dict[str, Any], bounds: tuple[float, float] | None) -> str:
    if bounds is None:
        return f"no interval: {lookup(cells, 'estimated', 'ci95', 'missing')}"
    return f"95% interval of this lower bound {count(bounds[0])} to {count(bounds[1])}, shaded"


def _more(cells: dict[str, Any]) -> str:
    share = percent(cells["share"], 0)
    if cells["more"] <= 0:
        return f"{share} of these are reached."
    if cells["more"] > MANY * cells["tests"]:
        return f"For {share} of these, far more tests are needed."
    more = count(float(f"{cells['more']:.2g}"))
    return f"About {more} more tests would reach {share} of these."


def _monitor(findings: Mapping[str, Any]) -> dict[str, Any] | None:
    if "monitor" not in findings:
        return None
    found = mapping(findings, "monitor")
    return {
        "new": estimate(found, "new"),
        "expected": number(found, "expected_new"),
        "inputs": number(found, "training_inputs"),
        "cells": number(found, "training_cells"),
        "neurons": number(found, "neurons"),
        "source": str(lookup(found, "source")),
    }


def _leading(findings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the tables of leading neurons: of each attribution, and of a vote."""
    tables = []
    if "importance" in findings:
        for method, found in mapping(findings, "importance", "methods").items():
            tables.append(
                {
                    "title": f"By {method}",
                    "column": "Score",
                    "rows": [
                        (one["layer"], one["neuron"], one["score"], None)
                        for one in found["leading"]
                    ],
                }
            )
    if "wisdom" in findings:
        found = mapping(findings, "wisdom")
        ballots = plural(number(found, "batches"), "ballot")
        tables.append(
            {
                "title": f"By {ballots}, {'settled' if found['settled'] else 'not settled'}",
                "column": "Votes",
                "rows": [
                    (one["layer"], one["neuron"], one["votes"], one["frequency"])
                    for one in lookup(found, "leading")
                ],
            }
        )
    return tables
