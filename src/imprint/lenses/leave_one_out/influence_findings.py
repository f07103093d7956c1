"""Findings of the influence of single records on the network under audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from imprint.core.missing import Missing
from imprint.lenses.leave_one_out.findings import FitFindings
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json


@dataclass(frozen=True)
class NamedInfluence:
    """A record and its influence.

    Attributes:
        index: its row among the members.
        name: what it is called.
        influence: by how much training on it lowered the loss, by the estimate: above 0 it helped.
        copies: how many other members have the same bytes.
    """

    index: int
    name: str
    influence: float
    copies: int = 0


@dataclass(frozen=True)
class InfluenceOnTest:
    """The members that move one test most.

    Attributes:
        index: row of the test among the tests.
        name: what it is called.
        loss: of the network on it.
        correct: whether the network is right; None where that is not known.
        helped: members whose training lowered its loss most, falling.
        harmed: members whose training raised its loss most, the worst first.
    """

    index: int
    name: str
    loss: float
    correct: bool | None
    helped: tuple[NamedInfluence, ...]
    harmed: tuple[NamedInfluence, ...]


@dataclass(frozen=True)
class EstimatorFindings:
    """What one estimator says.

    Attributes:
        strongest: members by falling influence on themselves, copies named once; empty where an
            estimator has none.
        share_of_strongest: share of all influence of members on themselves that the strongest
            hundredth of them has; None likewise.
        tests: the tests that were asked about, wrong ones first.
        facts: worth knowing, such as why it did not converge.
    """

    strongest: tuple[NamedInfluence, ...]
    share_of_strongest: float | None
    tests: tuple[InfluenceOnTest, ...]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Agreement:
    """How alike two estimators rank.

    Attributes:
        first: name of one.
        second: of the other.
        members: rank correlation of the influence of members on themselves.
        tests: mean over tests of the rank correlation of the influence of all members.
    """

    first: str
    second: str
    members: Estimate | Missing
    tests: Estimate | Missing


@dataclass(frozen=True, kw_only=True)
class InfluenceFindings:
    """Influence of members on the network's own predictions, estimated from its gradients.

    Attributes:
        records: members that estimators look at.
        members: that there are.
        tests: that are asked about; ``wrong`` of them are predicted wrongly.
        wrong: see ``tests``; None where it is not known.
        parameters: numbers that estimators look at.
        trained_parameters: that the network has.
        damping: λ of those that invert the curvature.
        copies: members among ``records`` with the same bytes as another.
        leaked: tests with the same bytes as a member that estimators look at.
        estimators: by name.
        skipped: why there is none, by name.
        agreement: of every two.
    """

    records: int
    members: int
    tests: int
    wrong: int | None
    parameters: int
    trained_parameters: int
    damping: float
    copies: int
    leaked: int
    estimators: Mapping[str, EstimatorFindings]
    skipped: Mapping[str, str]
    agreement: tuple[Agreement, ...]


@dataclass(frozen=True)
class OwnModelFindings:
    """Leave-one-out influence in the audit of a user's model.

    Attributes:
        fit: under the kernel of the model's features, or of the inputs of a black box.
        infinite_width: at the infinite width of the model's family; None where it did not run.
        influence: estimators on the model itself; None where none ran, with the reason where one
            failed.
    """

    fit: FitFindings
    infinite_width: FitFindings | None = None
    influence: InfluenceFindings | Missing | None = None


def read_own_findings(content: Mapping[str, Any]) -> OwnModelFindings:
    """Return the findings that JSON values hold.

    Raises:
        ImprintError: a value is missing or damaged.
    """
    where = "summary.json"
    wide, influence = content.get("infinite_width"), content.get("influence")
    estimated: InfluenceFindings | Missing | None = None
    if influence is not None:
        kind: type[Any] = Missing if "missing" in influence else InfluenceFindings
        estimated = from_json(kind, influence, where)
    return OwnModelFindings(
        from_json(FitFindings, content, where),
        None if wide is None else from_json(FitFindings, wide, where),
        estimated,
    )
