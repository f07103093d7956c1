"""The privacy section: accounted ε, from above, and the audited lower bound, from below."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup

from imprint.core.errors import ImprintError
from imprint.lenses.membership.page import privacy_plots as plots
from imprint.lenses.membership.privacy_findings import AuditedModel, PrivacyFindings
from imprint.report.inputs import mapping
from imprint.report.section import SECTIONS, Figure, Section
from imprint.report.templating import render
from imprint.report.wording import decimal, percent
from imprint.study.finding import from_json

METHODS = {"binomial": "binomial", "tradeoff": "trade-off", "gaussian": "Gaussian"}


@SECTIONS.register("privacy")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of a privacy audit, or None when the study has none.

    Raises:
        ImprintError: a finding it needs is missing or damaged.
    """
    lenses = mapping(summary, "lenses")
    if "privacy" not in lenses.get("membership", {}):
        return None
    findings = from_json(PrivacyFindings, lenses["membership"]["privacy"], "summary.json")
    if not findings.runs:
        raise ImprintError("summary.json: privacy.runs has no model: run the audit again")
    for model in findings.runs:
        if findings.method not in model.bounds:
            raise ImprintError(
                f"summary.json: {model.name} has no bound of the method {findings.method}: run the "
                "audit again"
            )
    html = render(
        "privacy.html.j2",
        findings=findings,
        verdict=_verdict(findings),
        story=_story(findings),
        is_weak=_is_weak(findings),
        refuted=[m for m in findings.runs if m.exceeds_accounted(findings.method)],
        name=name_model,
        confidence=percent(findings.confidence, 0),
        method=METHODS.get(findings.method, findings.method),
        figure=_figure(findings),
    )
    return Section("privacy", "Privacy", html, order=30, anchors=(("privacy", "Privacy"),))


def name_model(model: AuditedModel) -> str:
    """Return what a model is called on the page."""
    if model.accounted.noise is None:
        return "without DP"
    limit = model.accounted.epsilon
    return "DP-SGD, ε unbounded" if limit is None else f"DP-SGD, accounted ε = {decimal(limit, 2)}"


def _verdict(findings: PrivacyFindings) -> tuple[str, str]:
    """Return the kind and the heading of what the bounds allow to say."""
    if any(model.exceeds_accounted(findings.method) for model in findings.runs):
        return "found", "The private training leaks more than it accounts for"
    if all(model.accounted.epsilon is None for model in findings.runs):
        return "found", "No ε was accounted for, so none could be refuted"
    return "nothing", "Nothing contradicts the accounted ε"


def _story(findings: PrivacyFindings) -> str:
    """Return what the audit proved, with the gap that is left, a sentence a model."""
    private = [
        f"Accounted as {decimal(model.accounted.epsilon, 2)}, {_proven(model, findings.method)}."
        for model in findings.runs
        if model.accounted.epsilon is not None
    ]
    free = [
        f"Without DP, {_proven(model, findings.method)}; so many guesses can prove "
        f"{decimal(model.bounds[findings.method].ceiling, 2)} at most."
        for model in findings.runs
        if model.accounted.epsilon is None
    ]
    return " ".join(private + free)


def _proven(model: AuditedModel, method: str) -> str:
    bound = model.bounds[method].proven
    return (
        f"ε is proven to be at least {decimal(bound, 2)}" if bound else "nothing is proven about ε"
    )


def _is_weak(findings: PrivacyFindings) -> bool:
    """Return whether the attack proves nothing even where nothing protects."""
    free = [model for model in findings.runs if model.accounted.epsilon is None]
    return bool(free) and not any(model.bounds[findings.method].refutes(0) for model in free)


def _figure(findings: PrivacyFindings) -> Figure:
    models = [
        plots.Audited(
            name_model(model),
            model.accounted.epsilon,
            tuple(
                plots.Bar(METHODS.get(method, method), bound.proven, bound.ceiling)
                for method, bound in model.bounds.items()
            ),
        )
        for model in findings.runs
    ]
    return Figure(
        "ε from above and from below",
        Markup(plots.epsilon_axis(models, findings.delta)),
        "Dot: the empirical lower bound on ε. Vertical line: the accounted ε, an upper bound. "
        "Shaded: where ε may lie. Each track ends at the ceiling, the bound had every guess been "
        "right. The Gaussian bound assumes Gaussian privacy.",
    )
