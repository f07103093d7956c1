"""How a lens takes part in the audit of a user's model.

A lens registers one :class:`AuditLens` in ``lenses/LENS/study/own_model.py``. It says what it wants
of the one pass, whether it applies, what its parts cost, and it runs the parts that fit the budget.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.registry import Registry
from imprint.observation.audited_model import AuditedModel
from imprint.observation.observe import Observed, Wanted
from imprint.study.plain import JsonObject
from imprint.study.store import Study


@dataclass(frozen=True)
class Pace:
    """How fast the model is on this machine, in seconds a record.

    Attributes:
        forward: of a forward pass.
        backward: of a forward and a backward pass; 0 for a model without gradients.
        training: of one step of training, where there is a trainer.
    """

    forward: float
    backward: float = 0.0
    training: float = 0.0


@dataclass(frozen=True)
class Part:
    """A piece of an audit that can be left out.

    Attributes:
        name: short and unique within its lens, as the plan prints it: ``16 shadow models``.
        seconds: what it takes, as forecast.
        gives: what it adds to the report, as the plan prints it.
        essential: whether the lens is nothing without it, or the user asked for it by name.
        size: how much of it, such as the count of shadow models; the scheduler chooses among the
            parts of one ``group``.
        group: parts of one group exclude one another, the first that fits the budget is taken.
        missing: why it cannot be run whatever the budget; empty where it can.
    """

    name: str
    seconds: float
    gives: str
    essential: bool = False
    size: int = 0
    group: str = ""
    missing: str = ""


@dataclass(frozen=True, eq=False)
class AuditRun:
    """What a lens is given to run.

    Attributes:
        study: where artefacts go.
        model: under audit, with its records.
        observed: by part: members, non_members and tests (the same object as non_members where the
            user gave no tests).
        options: of the lens, its ``Options``.
        pace: of the model.
        seed: of everything random.
        parts: names of the parts of the lens that fit the budget.
    """

    study: Study
    model: AuditedModel
    observed: Mapping[str, Observed]
    options: Any
    pace: Pace
    seed: int
    parts: Mapping[str, Part]

    def has(self, name: str) -> bool:
        """Return whether a part is to be run."""
        return name in self.parts


@dataclass(frozen=True)
class AuditLens:
    """How one lens audits a user's model.

    Attributes:
        name: key of its findings in ``summary.json``.
        title: for the plan and the page.
        order: of lenses in plan and page.
        options: dataclass of its settings, with a default for each.
        refuses: why it does not apply to a model, without a full stop; None where it does.
        wants: what it wants of the one pass.
        plan: its parts, the most valuable first.
        run: runs the parts that were chosen, returns findings by key of ``lenses``.
        read: makes the findings of their JSON values, for ``result.findings``.
        columns: of the table of records: by name its rows int64 ``[m]`` (members, then non-members,
            then tests) and values ``[m]``, read from the study folder.
    """

    name: str
    title: str
    order: int
    options: type[Any]
    refuses: Callable[[AuditedModel, Any], str | None]
    wants: Callable[[AuditedModel, Any], Wanted]
    plan: Callable[[AuditedModel, Any, Pace], list[Part]]
    run: Callable[[AuditRun], JsonObject]
    read: Callable[[Any], Any] = lambda content: content
    columns: Callable[[Path], Mapping[str, tuple[IntArray, NDArray[Any]]]] = lambda study: {}


AUDIT_LENSES: Registry[AuditLens] = Registry("lens", "imprint.lenses.*.study.own_model")
