"""The audit of a user's own model: plan, one pass over the data, every lens, one report."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imprint.audits.own_options import PlanChoice
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.observation.audited_model import AuditedModel
from imprint.observation.budget import PlannedPart, choose_parts, parse_duration
from imprint.observation.lens import AUDIT_LENSES, AuditLens, AuditRun, Pace, Part
from imprint.observation.observe import Observed, ObserveRecords, Wanted, read_observed
from imprint.report.wording import plural
from imprint.stats.estimate import Estimate
from imprint.stats.proportion import wilson
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
        budget: in seconds.
    """

    model: AuditedModel
    lenses: tuple[AuditLens, ...]
    options: Mapping[str, Any]
    refused: Mapping[str, str]
    pace: Pace
    plan: tuple[PlannedPart, ...]
    budget: float

    def parts_of(self, lens: AuditLens) -> dict[str, Part]:
        """Return the parts of a lens that are run, by name."""
        return {
            each.part.name: each.part for each in self.plan if each.lens == lens.title and each.runs
        }


def make_plan(model: AuditedModel, choice: PlanChoice, pace: Pace) -> Audit:
    """Plan what fits the budget.

    Args:
        model: under audit.
        choice: of analyses and budget.
        pace: of the model.

    Raises:
        ImprintError: an unknown lens, or none that applies.
    """
    audit = settle_audit(model, choice, pace)
    plans = {lens.name: lens.plan(model, audit.options[lens.name], pace) for lens in audit.lenses}
    titles = {lens.name: lens.title for lens in audit.lenses}
    return dataclasses.replace(audit, plan=tuple(choose_parts(plans, titles, audit.budget)))


def settle_audit(model: AuditedModel, choice: PlanChoice, pace: Pace) -> Audit:
    """Return which lenses apply to a model, with an empty plan; arguments as :func:`make_plan`.

    Raises:
        ImprintError: an unknown lens, or none that applies.
    """
    seconds = parse_duration(choice.spelled_budget)
    chosen = choose_lenses(choice.lenses)
    options = {lens.name: settle_options(lens, choice) for lens in chosen}
    refused = {
        lens.name: reason
        for lens in chosen
        if (reason := lens.refuses(model, options[lens.name])) is not None
    }
    applying = tuple(lens for lens in chosen if lens.name not in refused)
    if not applying:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
        raise ImprintError(f"no analysis applies to this model ({reasons})")
    return Audit(model, applying, options, refused, pace, (), seconds)


def settle_options(lens: AuditLens, choice: PlanChoice) -> Any:
    """Return the settings of a lens: what the user chose for it, else its defaults."""
    chosen = getattr(choice.analysis, lens.name, None)
    values = (
        {}
        if chosen is None
        else {field.name: getattr(chosen, field.name) for field in dataclasses.fields(chosen)}
    )
    names = {field.name for field in dataclasses.fields(lens.options)}
    if "shadows" in names:
        values["shadows"] = choice.shadows
    return lens.options(**values)


def choose_lenses(names: Sequence[str]) -> list[AuditLens]:
    """Return the lenses of these names, or all, in order.

    Raises:
        ImprintError: an unknown name.
    """
    wanted = AUDIT_LENSES.names() if "all" in names else list(dict.fromkeys(names))
    return sorted((AUDIT_LENSES.get(name) for name in wanted), key=lambda lens: lens.order)


def run_own_audit(study: Study, audit: Audit, seed: int) -> JsonObject:
    """Run the model once over each set, then every lens; return findings by key of ``lenses``."""
    wanted = Wanted()
    for lens in audit.lenses:
        wanted = wanted | lens.wants(audit.model, audit.options[lens.name])
    observed = observe_all(study, audit.model, wanted)
    findings: JsonObject = {}
    for lens in audit.lenses:
        parts = audit.parts_of(lens)
        log(f"{lens.title}: {', '.join(parts)}")
        options = audit.options[lens.name]
        run = AuditRun(study, audit.model, observed, options, audit.pace, seed, parts)
        findings |= lens.run(run)
    return findings


def observe_all(study: Study, model: AuditedModel, wanted: Wanted) -> dict[str, Observed]:
    """Return what one pass over each set says; tests are the non-members where not given."""
    observed = {
        part: read_observed(study.run(ObserveRecords(model, records, wanted, part)), model, records)
        for part, records in model.parts.items()
    }
    return {"tests": observed["non_members"], **observed}


def measure_accuracy(observed: Observed) -> Estimate | None:
    """Return the share of records that the model gets right; None where that is not known."""
    correct = observed.signals().correct
    if correct is None:
        return None
    right, count = int(correct.sum()), len(correct)
    return Estimate(right / count, wilson(right, count), count)


def describe_plan(audit: Audit) -> list[str]:
    """Return the plan in lines: what is run, what is left out, and what each costs."""
    runs = [each for each in audit.plan if each.runs]
    total = sum(each.part.seconds for each in runs)
    pace = audit.pace.forward * 1000
    lines = [
        f"plan: {plural(len(runs), 'part')}, about {spell_seconds(total)} of the budget of "
        f"{spell_seconds(audit.budget)} ({pace:.2g} ms a record and forward pass)"
    ]
    lines += [f"  run       {_line(each)}" for each in runs]
    lines += [f"  left out  {_line(each)}" for each in left_out(audit)]
    titles = {lens.name: lens.title for lens in AUDIT_LENSES.entries()}
    lines += [
        f"  not run   {each.lens}: {each.part.name}: {each.part.missing}"
        for each in audit.plan
        if each.part.missing
    ]
    lines += [f"  not run   {titles[name]}: {reason}" for name, reason in audit.refused.items()]
    return lines


def list_parts(audit: Audit) -> tuple[list[str], list[str]]:
    """Return the parts that are run, and those that did not fit the budget, in words."""
    runs = [each for each in audit.plan if each.runs]
    parts = runs, left_out(audit)
    names = [[f"{each.lens}: {each.part.name}" for each in some] for some in parts]
    return names[0], names[1]


def _line(each: PlannedPart) -> str:
    part = each.part
    return f"{each.lens}: {part.name}, {spell_seconds(part.seconds)}: {part.gives}"


def left_out(audit: Audit) -> list[PlannedPart]:
    """Return the parts that are not run; of those that exclude one another, the next larger one."""
    rest: dict[tuple[str, str], PlannedPart] = {}
    for each in audit.plan:
        if each.runs or each.part.missing:
            continue
        part = each.part
        key = (each.lens, part.group or f"alone: {part.name}")
        if part.group and part.size <= _size_run(audit, each):
            continue
        if key not in rest or part.size < rest[key].part.size:
            rest[key] = each
    return list(rest.values())


def _size_run(audit: Audit, each: PlannedPart) -> int:
    """Return how large the part of the same group is that is run; 0 for none."""
    return max(
        (
            other.part.size
            for other in audit.plan
            if other.runs and other.lens == each.lens and other.part.group == each.part.group
        ),
        default=0,
    )


def spell_seconds(seconds: float) -> str:
    """Return a duration in words.

    >>> [spell_seconds(each) for each in (0.2, 42.3, 150, 9000)]
    ['under 1 s', '42 s', '2.5 min', '2.5 h']
    """
    if seconds < 1:
        return "under 1 s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.2g} min" if seconds < 7200 else f"{seconds / 3600:.2g} h"
