"""What a study shows that varies one thing: attacks at every point of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.membership.cohort_findings import CohortAccuracy
from imprint.lenses.membership.findings import AttackFinding, BothSides, Evaluation
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point of a study.

    Attributes:
        value: of what is varied; None where it has no bound.
        name: of the point.
    """

    value: float | None
    name: str


@dataclass(frozen=True)
class MemberCounts:
    """The least and the most records that a model of a cohort was trained on."""

    least: int
    most: int


@dataclass(frozen=True)
class NoiseRange:
    """The least and the most noise multiplier of the models of a cohort."""

    least: float
    most: float


@dataclass(frozen=True)
class AccountedBudget:
    """The greatest accounted ε of the models of a cohort, at δ, and their noise multipliers."""

    epsilon: float
    delta: float
    accountant: str
    noise: NoiseRange


@dataclass(frozen=True)
class TheoryLimits:
    """The most that (ε, δ)-privacy allows any attack."""

    auc: float
    tpr_at_fpr: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class CohortPoint(Point):
    """A point that is a cohort of its own.

    Attributes:
        attacks: by name, means over the models.
        skipped: why an attack was not run, by name.
        failed_controls: ``CONTROL of ATTACK``.
        members: of a model.
        records_are: in a study of sizes ``random``, or ``control`` of an order.
        privacy: what was accounted; None without DP-SGD.
        allowed: what that allows an attack.
    """

    attacks: Mapping[str, AttackFinding]
    skipped: Mapping[str, str]
    failed_controls: tuple[str, ...]
    accuracy: CohortAccuracy
    models: int
    records: int
    members: MemberCounts
    records_are: str | None = None
    privacy: AccountedBudget | None = None
    allowed: TheoryLimits | None = None


@dataclass(frozen=True, kw_only=True)
class OrderPoint(Point):
    """Models trained on the first records of an order, attacked on as many again.

    Attributes:
        records_are: ``order``.
        measures: ``difficulty``, not membership.
        difficulty: how well the loss of models that never saw a record separates the two halves.
    """

    records_are: str
    measures: str
    models: int
    records: int
    attacks: Mapping[str, Evaluation]
    skipped: Mapping[str, str]
    difficulty: Evaluation
    accuracy: BothSides


@dataclass(frozen=True, kw_only=True)
class CurvaturePoint(Point):
    """Attacks on curvature measured in one way; ``value`` is the step.

    Attributes:
        probes: random directions.
        queries: model calls per record.
        at_floor: share of the values that are no larger than rounding.
    """

    probes: int
    views: tuple[str, ...]
    queries: int
    attacks: Mapping[str, Evaluation]
    skipped: Mapping[str, str]
    at_floor: BothSides


@dataclass(frozen=True)
class ReferencesAttack:
    """An attack with some number of reference models.

    Attributes:
        spread_over_subsets: standard deviation of the AUC over choices of references, the mean over
            targets; None of a single choice.
    """

    auc: Estimate
    tpr_at_fpr: Mapping[str, Estimate | Missing]
    spread_over_subsets: float | None


@dataclass(frozen=True, kw_only=True)
class ReferencesPoint(Point):
    """Attacks with ``value`` reference models."""

    attacks: Mapping[str, ReferencesAttack]


@dataclass(frozen=True)
class Gain:
    """What more references add to the AUC: an estimate, and up to how many references."""

    to: int
    value: float
    ci95: tuple[float, float]
    n: int


@dataclass(frozen=True)
class Saturation:
    """From how many references on an attack gains nothing, and every gain."""

    models: int | Missing
    gains: tuple[Gain, ...]


@dataclass(frozen=True, kw_only=True)
class ReferencesStudy:
    """Attacks with more and more reference models; ``saturation`` of those that use them."""

    over: str = "models"
    models: int
    records: int
    population: int
    points: tuple[ReferencesPoint, ...]
    saturation: Mapping[str, Saturation]
    skipped: Mapping[str, str]
    accuracy: CohortAccuracy


@dataclass(frozen=True, kw_only=True)
class SizeStudy:
    """Attacks on models trained on few and on many records."""

    over: str = "size"
    points: tuple[CohortPoint | OrderPoint, ...]


@dataclass(frozen=True, kw_only=True)
class BudgetStudy:
    """Attacks on models trained under privacy budgets, and without."""

    over: str = "epsilon"
    points: tuple[CohortPoint, ...]


@dataclass(frozen=True, kw_only=True)
class CurvatureStudy:
    """Attacks on the curvature of one cohort, measured in many ways."""

    over: str = "curvature"
    points: tuple[CurvaturePoint, ...]
    models: int
    records: int


StudyFindings = ReferencesStudy | SizeStudy | BudgetStudy | CurvatureStudy
AnyPoint = ReferencesPoint | CohortPoint | OrderPoint | CurvaturePoint

STUDIES: Mapping[str, type[StudyFindings]] = {
    "models": ReferencesStudy,
    "size": SizeStudy,
    "epsilon": BudgetStudy,
    "curvature": CurvatureStudy,
}


def read_study(content: Any) -> StudyFindings:
    """Return the findings of a study.

    Args:
        content: ``lenses.membership.study`` of ``summary.json``.

    Raises:
        ImprintError: it is damaged, or varies something unknown.
    """
    over = str(content.get("over")) if isinstance(content, Mapping) else ""
    if over not in STUDIES:
        raise ImprintError(
            f"summary.json: a study over {over!r} is unknown, known are {', '.join(STUDIES)}: run "
            "the study again with this version"
        )
    return from_json(STUDIES[over], content, "summary.json")
