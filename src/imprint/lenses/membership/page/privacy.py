"""The privacy section: accounted ε, from above, and the empirical lower bound, from below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imprint.core.errors import ImprintError
from imprint.lenses.membership.privacy.audit import PrivacyBound
from imprint.lenses.membership.privacy_findings import AuditedModel, PrivacyFindings
from imprint.report.blocks import Block, Bullets, Columns, Part, Verdict
from imprint.report.figures.intervals import Interval, IntervalGroup, Intervals
from imprint.report.marks import Axis
from imprint.report.prose import Text, prose, sentences
from imprint.report.section import SECTIONS, Section
from imprint.report.summary_file import mapping
from imprint.report.table import Cell, Column, Table
from imprint.report.wording import count, decimal, fixed, percent, scientific
from imprint.study.finding import from_json

MAX_LIMIT_TO_CEILING = 2.0
"""Accounted ε further out than so many times the greatest ceiling is not on the axis."""
METHODS = {"binomial": "binomial", "tradeoff": "trade-off", "gaussian": "Gaussian"}
SHOWN = (
    "A lower bound above the accounted ε proves that the DP guarantee does not hold: this is what "
    "the audit tests.",
    "A lower bound near its ceiling says that more canaries are needed, not that ε is near it.",
    "The model without DP shows what the same attack achieves where nothing protects.",
)


@SECTIONS.register("privacy")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section of a privacy audit, or None when the study has none.

    Raises:
        ImprintError: a finding it needs is missing or damaged.
    """
    lenses = mapping(summary, "lenses")
    if "privacy" not in lenses.get("membership", {}):
        return None
    findings = read_privacy(lenses["membership"]["privacy"])
    blocks: list[Block] = [
        _verdict(findings),
        Part("", [Columns([[_figure(findings)], _conclusions(findings)])]),
        Part("Every model", [privacy_table(findings)]),
    ]
    return Section("privacy", "Privacy", blocks, order=30)


def read_privacy(content: Any) -> PrivacyFindings:
    """Return the findings of a privacy audit.

    Raises:
        ImprintError: they are damaged, hold no model, or lack the bound of the verdict.
    """
    findings = from_json(PrivacyFindings, content, "summary.json")
    if not findings.runs:
        raise ImprintError("summary.json: privacy.runs has no model: run the audit again")
    for model in findings.runs:
        if findings.method not in model.bounds:
            raise ImprintError(
                f"summary.json: {model.name} has no bound of the method {findings.method}: run the "
                "audit again"
            )
    return findings


def privacy_table(findings: PrivacyFindings) -> Table:
    """Return one row per model: accounted ε, the bound of the verdict, and accuracies."""
    two = fixed(2)
    columns = [
        Column("Model"),
        Column("Accounted ε", two, key="accounted_epsilon"),
        Column("Bound on ε", two, key="epsilon_bound"),
        Column("Ceiling", two),
        Column("Right guesses"),
        Column("Canaries learnt", percent),
        Column("Canaries left out", percent),
        Column("Other members", percent),
        Column("Held out", percent),
    ]
    rows = []
    for model in findings.runs:
        bound, accuracy = model.bounds[findings.method], model.accuracy
        rows.append(
            [
                Cell(model.name, note=name_model(model)),
                model.accounted.epsilon,
                bound.proven,
                bound.ceiling,
                Cell(bound.correct, f"{count(bound.correct)} of {count(bound.guesses)}"),
                accuracy.canaries_in,
                accuracy.canaries_out,
                accuracy.members,
                accuracy.held_out,
            ]
        )
    canaries = findings.canaries
    title = (
        f"Privacy at δ = {scientific(findings.delta)}: accounted ε and empirical lower bound at "
        f"{percent(findings.confidence, 0)} confidence, {count(canaries.count)} {canaries.kind} "
        "canaries"
    )
    note = (
        "Canaries count as right under the label they are trained with; held-out records are the "
        "canaries that the coins left out, under their true label."
    )
    return Table(columns, rows, title=title, note=note)


def name_model(model: AuditedModel) -> str:
    """Return what a model is called on the page."""
    if model.accounted.noise is None:
        return "without DP"
    limit = model.accounted.epsilon
    return "DP-SGD, ε unbounded" if limit is None else f"DP-SGD, accounted ε = {decimal(limit, 2)}"


def _verdict(findings: PrivacyFindings) -> Verdict:
    """Return what the bounds allow to say, of how many canaries, and what to beware of."""
    refuted, free = _refuted(findings), _unbounded(findings)
    canaries = findings.canaries
    setup = prose(
        "{count} canaries{kind} were in the training set or not by a fair coin each; {members} "
        "were{fair}. How often an attack{calibrated} guesses these coins right from one model "
        "bounds ε from below, at {confidence} confidence and δ = {delta}.",
        count=count(canaries.count),
        kind=", images under a wrong label," if canaries.kind == "mislabelled" else "",
        members=count(canaries.members),
        fair=""
        if canaries.coins_p_value is None
        else f" (the test of fair coins gives p = {decimal(canaries.coins_p_value, 2)})",
        calibrated=", calibrated by a reference model that saw no canary,"
        if findings.calibrated
        else "",
        confidence=percent(findings.confidence, 0),
        delta=scientific(findings.delta),
    )
    paragraph = sentences(setup, *(_story(model, findings.method) for model in findings.runs))
    is_found = bool(refuted) or len(free) == len(findings.runs)
    warnings = _warnings(findings, refuted, free)
    return Verdict(
        privacy_statement(findings), [paragraph], warnings, is_found, "privacy", "Privacy"
    )


def privacy_statement(findings: PrivacyFindings) -> str:
    """Return what the bounds allow to say, without number and full stop."""
    if _refuted(findings):
        return "The private training leaks more than it accounts for"
    if len(_unbounded(findings)) == len(findings.runs):
        return "No ε was accounted for, so none could be refuted"
    return "Nothing contradicts the accounted ε"


def _refuted(findings: PrivacyFindings) -> list[AuditedModel]:
    """Return the models whose lower bound exceeds the accounted ε."""
    return [model for model in findings.runs if model.exceeds_accounted(findings.method)]


def _unbounded(findings: PrivacyFindings) -> list[AuditedModel]:
    """Return the models without an accounted ε."""
    return [model for model in findings.runs if model.accounted.epsilon is None]


def _story(model: AuditedModel, method: str) -> str:
    """Return what the audit proved of a model, with the gap that is left."""
    bound, limit = model.bounds[method], model.accounted.epsilon
    proven = (
        f"ε is proven to be at least {decimal(bound.proven, 2)}"
        if bound.refutes(0)
        else "no lower bound above 0 is proven"
    )
    if limit is not None:
        return f"With accounted ε = {decimal(limit, 2)}, {proven}."
    ceiling = decimal(bound.ceiling, 2)
    return f"Without DP, {proven}; the ceiling of this number of guesses is {ceiling}."


def _warnings(
    findings: PrivacyFindings, refuted: Sequence[AuditedModel], free: Sequence[AuditedModel]
) -> list[Text]:
    method = findings.method
    warnings: list[Text] = []
    if refuted:
        pairs = ", ".join(
            f"{decimal(model.bounds[method].proven, 2)} above "
            f"{decimal(model.accounted.epsilon or 0.0, 2)}"
            for model in refuted
        )
        warnings.append(
            prose(
                "<b>The lower bound exceeds the accounted ε: {}.</b> A correct implementation "
                "gives such a bound with a chance of at most one minus the confidence. Repeat with "
                "another seed; if it stays, clipping, noise, sampling or accounting is broken.",
                pairs,
            )
        )
    if free and not any(model.bounds[method].refutes(0) for model in free):
        warnings.append(
            prose(
                "<b>The attack proves no bound even without DP,</b> so it cannot test DP either: "
                "use more or mislabelled canaries, or more epochs, until the model without DP "
                "learns its canaries."
            )
        )
    return warnings


def _conclusions(findings: PrivacyFindings) -> list[Block]:
    method = METHODS.get(findings.method, findings.method)
    return [
        Bullets(SHOWN, "What this shows"),
        Bullets(
            [
                "A small lower bound does not prove a small ε. A stronger attack may prove more; "
                "only the accountant bounds from above.",
                "Accounting holds for an attacker who sees every step. This one sees the outputs "
                "of the final model only, so a gap is expected.",
                f"Each bound alone holds at the stated confidence. The verdict uses {method}, "
                "chosen beforehand; the largest of several bounds is not a valid bound.",
            ],
            "What not to conclude",
        ),
    ]


def _figure(findings: PrivacyFindings) -> Intervals:
    """Return accounted ε and lower bounds of every model on one axis."""
    groups = [(name_model(model), model.bounds, model.accounted.epsilon) for model in findings.runs]
    return epsilon_intervals(groups, findings.delta)


def epsilon_intervals(
    groups: Sequence[tuple[str, Mapping[str, PrivacyBound], float | None]], delta: float
) -> Intervals:
    """Return lower bounds on ε on one axis, beside accounted ε.

    Args:
        groups: name, bounds by method, and accounted ε where there is one, of every model.
        delta: δ of all bounds.
    """
    return Intervals(
        name="privacy-epsilon",
        title="Accounted ε and empirical lower bound on ε",
        caption="Dot: the empirical lower bound on ε. Vertical line: the accounted ε, an upper "
        "bound. Shaded: where ε may lie. Each track ends at the ceiling, the bound if every guess "
        "were right. The Gaussian bound assumes Gaussian privacy.",
        description="Lower bounds on ε and accounted ε. "
        + "; ".join(_describe_model(*group) for group in groups)
        + ".",
        axis=Axis(f"ε at δ = {scientific(delta)}", high=_axis_end(groups)),
        groups=[
            IntervalGroup(
                [
                    Interval(METHODS.get(method, method), bound.proven, ceiling=bound.ceiling)
                    for method, bound in bounds.items()
                ],
                name,
                accounted,
            )
            for name, bounds, accounted in groups
        ],
    )


def _axis_end(groups: Sequence[tuple[str, Mapping[str, PrivacyBound], float | None]]) -> float:
    """Return where the axis ends, so that every bound is on it and every accounted ε near them."""
    bounds = [bound for _, of_model, _ in groups for bound in of_model.values()]
    ceiling = max(bound.ceiling for bound in bounds)
    limits = (accounted for _, _, accounted in groups)
    near = [x for x in limits if x is not None and x <= MAX_LIMIT_TO_CEILING * ceiling]
    return 1.06 * max(ceiling, *near, *(bound.proven for bound in bounds))


def _describe_model(name: str, bounds: Mapping[str, PrivacyBound], accounted: float | None) -> str:
    limit = "not bounded" if accounted is None else f"accounted {decimal(accounted, 2)}"
    proven = ", ".join(
        f"{METHODS.get(method, method)} at least {decimal(bound.proven, 2)} of "
        f"{decimal(bound.ceiling, 2)}"
        for method, bound in bounds.items()
    )
    return f"{name}: {limit}, {proven}"
