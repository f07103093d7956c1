"""What membership attacks on one network show, and which attack is best.

>>> from imprint.core.missing import Missing
>>> finding = AttackFinding(
...     auc=Estimate(0.6, (0.55, 0.65), 400),
...     tpr_at_fpr={"0.1": Estimate(0.2, (0.1, 0.3), 200), "0.01": Missing("too few")},
...     balanced_accuracy=Estimate(0.55, (0.5, 0.6), 200),
...     smallest_fpr=0.005,
...     reads="phi",
... )
>>> best_attack({"loss": finding})
('loss', '0.1')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.lenses.membership.attack.evaluation import BothSides, Evaluation
from imprint.lenses.membership.attack.signal_checks import explain
from imprint.lenses.membership.attack.triage import Triage
from imprint.stats.control import Control
from imprint.stats.estimate import Estimate

LABEL_ONLY = "label_only"


@dataclass(frozen=True, kw_only=True)
class AttackFinding(Evaluation):
    """How well one attack separates members from non-members.

    Attributes:
        note: what a reader must know of these numbers.
        reads: the kind of signal it read.
        queries: model calls for one record at most.
        controls: the same attack where there is nothing to find, by name; None when not run.
    """

    note: str | None = None
    reads: str
    queries: int | None = None
    controls: Mapping[str, Control] | None = None

    @property
    def failed_controls(self) -> list[str]:
        """Names of the controls that failed."""
        return [name for name, control in (self.controls or {}).items() if not control.passed]


@dataclass(frozen=True, kw_only=True)
class LabelOnlyFinding(AttackFinding):
    """The attack by hard labels, which is run on some of the records.

    Attributes:
        mean_queries: model calls for one record, on average.
        no_boundary: records of which no decision boundary was found.
    """

    mean_queries: float
    no_boundary: int


@dataclass(frozen=True)
class ShadowFit:
    """How well shadow models fit their own members.

    Attributes:
        count: shadow models.
        accuracy: share of records they get right, of those each was trained on and of the others.
    """

    count: int
    accuracy: BothSides


@dataclass(frozen=True, kw_only=True)
class MembershipFindings:
    """What attacks on one network show.

    Attributes:
        attacks: by name.
        skipped: why an attack was not run, by name.
        warnings: what was noticed about signals and records, sentences without their full stop.
        triage: the first look, from one forward pass.
        shadows: how the shadow models fit.
        label_only: the attack by hard labels, of some of the records.
        best: name of the best attack.
    """

    attacks: Mapping[str, AttackFinding]
    skipped: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    triage: Triage | None = None
    shadows: ShadowFit | None = None
    label_only: LabelOnlyFinding | None = None
    best: str | None = None

    @property
    def all_attacks(self) -> dict[str, AttackFinding]:
        """Every attack, the one by hard labels among them."""
        labels = {} if self.label_only is None else {LABEL_ONLY: self.label_only}
        return {**self.attacks, **labels}


def describe_attack(
    scores: FloatArray,
    evaluation: Evaluation,
    reads: str,
    queries: int | None = None,
    controls: Mapping[str, Control] | None = None,
) -> AttackFinding:
    """Return the finding of an attack, with a note where its numbers need one.

    Args:
        scores: float64, of any shape.
        evaluation: what they show.
        reads: the kind of signal they were made from.
        queries: model calls for one record at most.
        controls: by name; None when not run.
    """
    note = explain(scores, evaluation)
    return AttackFinding(
        **vars(evaluation), note=note, reads=reads, queries=queries, controls=controls
    )


def resolved_fprs(attacks: Mapping[str, Evaluation]) -> list[str]:
    """Return the false positive rates that every attack could be measured at, falling."""
    rates = next(iter(attacks.values())).tpr_at_fpr if attacks else {}
    known = [
        rate
        for rate in rates
        if all(isinstance(each.tpr_at_fpr.get(rate), Estimate) for each in attacks.values())
    ]
    return sorted(known, key=float, reverse=True)


def names_by_auc(attacks: Mapping[str, Evaluation]) -> list[str]:
    """Return the names of the attacks, the greatest AUC first."""
    return sorted(attacks, key=lambda name: (-attacks[name].auc.value, name))


def names_best_first(attacks: Mapping[str, Evaluation]) -> list[str]:
    """Return the best attack, then the others by AUC."""
    best, _ = best_attack(attacks)
    return sorted(names_by_auc(attacks), key=lambda name: name != best)


def best_attack(attacks: Mapping[str, Evaluation]) -> tuple[str, str | None]:
    """Return the best attack, and the least false positive rate that could be measured.

    The best has the greatest TPR there, of equals the greatest AUC; it was chosen after the fact,
    so its numbers are a little optimistic.

    Raises:
        ImprintError: there is no attack.
    """
    if not attacks:
        raise ImprintError("no membership attack was run: choose one with --attack")
    rates = resolved_fprs(attacks)
    least = rates[-1] if rates else None

    def strength(name: str) -> tuple[float, float]:
        rate = 0.0 if least is None else attacks[name].tpr(least).value
        return rate, attacks[name].auc.value

    return max(names_by_auc(attacks), key=strength), least
