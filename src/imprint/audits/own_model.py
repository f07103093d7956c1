"""The audit of a user's own model: plan, one pass over the data, every lens, one report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.progress import log
from imprint.observation.audited_model import AuditedModel
from imprint.observation.budget import PlannedPart, choose_parts, measure_pace
from imprint.observation.lens import AUDIT_LENSES, AuditLens, AuditRun, Pace, Part
from imprint.observation.observe import Observed, ObserveRecords, Wanted, read_observed
from imprint.report.wording import plural
from imprint.study.plain import JsonObject
from imprint.study.store import Study


@dataclass(frozen=True, eq=False)
class Audit:
    """What is to be done.

    Attributes:
        model: under audit.
        lenses: that apply, in order.
        options: by lens.
        refused: why a lens does not apply, by its name.
        pace: of the model.
        plan: every part, and whether it fits the budget.
    """

    model: AuditedModel
    lenses: tuple[AuditLens, ...]
    options: Mapping[str, Any]
    refused: Mapping[str, Missing]
    pace: Pace
    plan: tuple[PlannedPart, ...]

    def parts_of(self, lens: AuditLens) -> dict[str, Part]:
        """Return the parts of a lens that are run, by name."""
        return {
            each.part.name: each.part for each in self.plan if each.lens == lens.title and each.runs
        }


def plan_audit(
    model: AuditedModel, names: Sequence[str], options: Mapping[str, Any], seconds: float
) -> Audit:
    """Time the model and plan what fits the budget.

    Args:
        model: under audit.
        names: of lenses, or all.
        options: by lens; a lens without takes its defaults.
        seconds: the budget.

    Raises:
        ImprintError: an unknown lens, or none that applies.
    """
    chosen = choose_lenses(names)
    settled = {lens.name: options.get(lens.name) or lens.options() for lens in chosen}
    refused = {
        lens.name: Missing(reason)
        for lens in chosen
        if (reason := lens.refuses(model, settled[lens.name])) is not None
    }
    applying = tuple(lens for lens in chosen if lens.name not in refused)
    if not applying:
        reasons = "; ".join(f"{name}: {each.missing}" for name, each in refused.items())
        raise ImprintError(f"no analysis applies to this model ({reasons})")
    pace = measure_pace(model)
    plans = {lens.name: lens.plan(model, settled[lens.name], pace) for lens in applying}
    titles = {lens.name: lens.title for lens in applying}
    plan = choose_parts(plans, titles, seconds)
    return Audit(model, applying, settled, refused, pace, tuple(plan))


def choose_lenses(names: Sequence[str]) -> list[AuditLens]:
    """Return the lenses of these names, or all, in order.

    Raises:
        ImprintError: an unknown name.
    """
    wanted = AUDIT_LENSES.names() if "all" in names else names
    return sorted((AUDIT_LENSES.get(name) for name in wanted), key=lambda lens: lens.order)


def run_own_audit(study: Study, audit: Audit, seed: int) -> JsonObject:
    """Run the model once over each set, then every lens; return findings by key of ``lenses``."""
    wanted = Wanted()
    for lens in audit.lenses:
        wanted = wanted | lens.wants(audit.model, audit.options[lens.name])
    observed = observe_all(study, audit.model, wanted)
    findings: JsonObject = {}
    for lens in audit.lenses:
        log(f"{lens.title}: {plural(len(audit.parts_of(lens)), 'part')}")
        run = AuditRun(
            study,
            audit.model,
            observed,
            audit.options[lens.name],
            audit.pace,
            seed,
            audit.parts_of(lens),
        )
        findings |= lens.run(run)
    return findings


def observe_all(study: Study, model: AuditedModel, wanted: Wanted) -> dict[str, Observed]:
    """Return what one pass over each set says; tests are the non-members where not given."""
    observed = {
        part: read_observed(study.run(ObserveRecords(model, records, wanted, part)), model, records)
        for part, records in model.parts.items()
    }
    return {"tests": observed["non_members"], **observed}
