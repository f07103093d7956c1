"""The privacy section: ε as accounted, from above, and as audited, from below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from imprint.core.errors import ImprintError
from imprint.lenses.membership.page import privacy_plots as plots
from imprint.report.inputs import as_estimate, lookup, mapping, number
from imprint.report.section import SECTIONS, Figure, Section
from imprint.report.templating import render
from imprint.report.wording import decimal, percent
from imprint.stats.estimate import Estimate

PARTS = ("canaries_in", "canaries_out", "members", "held_out")
METHODS = {"binomial": "binomial", "tradeoff": "trade-off", "gaussian": "Gaussian"}


@dataclass(frozen=True)
class Row:
    """One model of the audit.

    Attributes:
        name: on the page.
        accounted: ε from above; None where nothing bounds it.
        bound: ε from below, by the method of the verdict.
        ceiling: of the bound.
        correct: right guesses.
        guesses: all guesses.
        accuracy: by kind of record; None where there are no such records.
    """

    name: str
    accounted: float | None
    bound: float
    ceiling: float
    correct: float
    guesses: float
    accuracy: Mapping[str, Estimate | None]

    @property
    def refuted(self) -> bool:
        """Whether the bound says that ε as accounted cannot be."""
        return self.accounted is not None and self.bound > self.accounted


@SECTIONS.register("privacy")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of a privacy audit, or None when the study has none.

    Raises:
        ImprintError: a finding it needs is missing or damaged.
    """
    lenses = mapping(summary, "lenses")
    if "privacy" not in lenses.get("membership", {}):
        return None
    findings = mapping(lenses, "membership", "privacy")
    method = str(lookup(findings, "method"))
    runs = _runs(findings)
    rows = [_row(run, method) for run in runs]
    html = render(
        "privacy.html.j2",
        verdict=_verdict(rows),
        story=_story(rows),
        weak=_weak(rows),
        refuted=[row for row in rows if row.refuted],
        rows=rows,
        canaries=mapping(findings, "canaries"),
        calibrated=bool(lookup(findings, "calibrated")),
        delta=number(findings, "delta"),
        confidence=percent(number(findings, "confidence"), 0),
        method=METHODS.get(method, method),
        figure=_figure(runs, number(findings, "delta")),
    )
    return Section("privacy", "Privacy", html, order=30, anchors=(("privacy", "Privacy"),))


def _runs(findings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    runs = lookup(findings, "runs")
    if not isinstance(runs, list) or not runs:
        raise ImprintError("summary.json: privacy.runs has no model: run the audit again")
    return runs


def _row(run: Mapping[str, Any], method: str) -> Row:
    bound, accuracy = mapping(run, "bounds", method), mapping(run, "accuracy")
    return Row(
        name=_name(run),
        accounted=_accounted(run),
        bound=number(bound, "epsilon"),
        ceiling=number(bound, "ceiling"),
        correct=number(bound, "correct"),
        guesses=number(bound, "guesses"),
        accuracy={part: as_estimate(accuracy.get(part)) for part in PARTS},
    )


def _accounted(run: Mapping[str, Any]) -> float | None:
    told = mapping(run, "accounted")
    return None if "missing" in told else number(told, "epsilon")


def _name(run: Mapping[str, Any]) -> str:
    told = mapping(run, "accounted")
    if "noise" not in told:
        return "without DP"
    limit = _accounted(run)
    return "DP-SGD, ε unbounded" if limit is None else f"DP-SGD, accounted ε = {decimal(limit, 2)}"


def _verdict(rows: list[Row]) -> tuple[str, str]:
    """Return the kind and the heading of what the bounds allow to say."""
    if any(row.refuted for row in rows):
        return "found", "The private training leaks more than it accounts for"
    if all(row.accounted is None for row in rows):
        return "found", "No privacy was accounted for, so none could be refuted"
    return "nothing", "Nothing contradicts the accounted ε"


def _story(rows: list[Row]) -> str:
    """Return what the audit proved, with the gap that is left, a sentence a model."""
    told = [
        f"Accounted as {decimal(row.accounted, 2)}, {_proven(row)}."
        for row in rows
        if row.accounted is not None
    ]
    free = [
        f"Without DP, {_proven(row)}; so many guesses can prove {decimal(row.ceiling, 2)} at most."
        for row in rows
        if row.accounted is None
    ]
    return " ".join(told + free)


def _proven(row: Row) -> str:
    if row.bound == 0:
        return "nothing is proven about ε"
    return f"ε is proven to be at least {decimal(row.bound, 2)}"


def _weak(rows: list[Row]) -> bool:
    """Return whether the attack proves nothing where nothing protects: a test without teeth."""
    free = [row.bound for row in rows if row.accounted is None]
    return bool(free) and max(free) == 0


def _figure(runs: list[Mapping[str, Any]], delta: float) -> Figure:
    models = [
        plots.Audited(
            _name(run),
            _accounted(run),
            tuple(
                plots.Bar(
                    METHODS.get(method, method), number(bound, "epsilon"), number(bound, "ceiling")
                )
                for method, bound in mapping(run, "bounds").items()
            ),
        )
        for run in runs
    ]
    return Figure(
        "ε from above and from below",
        Markup(plots.epsilon_axis(models, delta)),
        "Dot: what the audit proves, a lower bound. Vertical line: what the accountant promises, "
        "an upper bound. Shaded: where ε may lie. Each track ends at the ceiling, the bound had "
        "every guess been right. The Gaussian bound assumes Gaussian privacy.",
    )
