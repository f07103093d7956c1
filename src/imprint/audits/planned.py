"""The plan of an audit as an artefact: a resumed audit runs what it began with.

A plan rests on how fast the machine is at that moment. It is kept with its pace, the one thing in
such a study that two runs do not share to the last byte.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from imprint.audits.own_model import Audit, make_plan, settle_audit
from imprint.audits.own_options import PlanChoice
from imprint.core.errors import ImprintError
from imprint.observation.audited_model import AuditedModel
from imprint.observation.budget import PlannedPart, measure_pace
from imprint.observation.lens import Pace, Part
from imprint.study.counted import part_of
from imprint.study.json_io import read_json, write_json
from imprint.study.step import Step
from imprint.study.store import Study


@dataclass(frozen=True)
class PlanAudit(Step):
    """Time the model and choose what is run.

    Attributes:
        model: under audit, with its records.
        choice: of analyses and budget.
    """

    model: AuditedModel
    records: tuple[str, ...]
    choice: PlanChoice

    artefact = "plan.json"

    def build(self, path: Path) -> None:
        """Write the pace, and every part with what it takes and whether it is run."""
        pace = measure_pace(self.model)
        audit = make_plan(self.model, self.choice, pace)
        write_json(path, {"pace": asdict(pace), "plan": [asdict(each) for each in audit.plan]})


def plan_in(study: Study, model: AuditedModel, choice: PlanChoice) -> Audit:
    """Return the plan of an audit, made when it was begun.

    Raises:
        ImprintError: an unknown analysis, none that applies, or a damaged plan.
    """
    records = tuple(each.fingerprint() for each in model.parts.values())
    file = study.run(PlanAudit(model, records, part_of(choice, PlanChoice)))
    content: Any = read_json(file)
    try:
        plan = tuple(
            PlannedPart(str(each["lens"]), Part(**each["part"]), bool(each["runs"]))
            for each in content["plan"]
        )
        return replace(settle_audit(model, choice, Pace(**content["pace"])), plan=plan)
    except (KeyError, TypeError, ValueError) as error:
        raise ImprintError(f"{file} is damaged: delete it and run again") from error
