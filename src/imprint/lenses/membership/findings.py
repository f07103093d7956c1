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

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.membership.attack_kit.tail_test import TailTest
from imprint.lenses.membership.slice_findings import SliceFindings
from imprint.stats.control import Control
from imprint.stats.estimate import Estimate

LABEL_ONLY = "label_only"
CHANCE = 0.5
"""AUC and balanced accuracy of guessing."""
WEAK_AUC = 0.6
"""An AUC up to which an average difference is called weak."""
WIDE_INTERVAL = 0.25
"""Width of an AUC's interval from which an AUC at chance is called too uncertain."""


@dataclass(frozen=True)
class Evaluation:
    """How well scores separate members from non-members.

    Attributes:
        auc: area under the curve, ties half; DeLong's interval.
        tpr_at_fpr: by false positive rate, the true positive rate without interpolation, its
            interval over the choice of members and of non-members; where the non-members are too
            few to place the threshold, the reason in its place.
        balanced_accuracy: of the threshold that is best on one random half of members and of
            non-members, measured on the other half. Value and interval are of that threshold; the
            best one of all may do a little better.
        smallest_fpr: 1 / non-members, the least false positive rate above 0 that can be seen.
    """

    auc: Estimate
    tpr_at_fpr: Mapping[str, Estimate | Missing]
    balanced_accuracy: Estimate
    smallest_fpr: float

    def tpr(self, fpr: str) -> Estimate:
        """Return the true positive rate at a false positive rate that could be measured.

        Raises:
            KeyError: it could not.
        """
        rate = self.tpr_at_fpr[fpr]
        if isinstance(rate, Missing):
            raise KeyError(f"{fpr}: {rate.missing}")
        return rate


@dataclass(frozen=True)
class BothSides:
    """One number of the members and one of the non-members."""

    members: float
    non_members: float


@dataclass(frozen=True)
class Tail:
    """The members whose loss lies below that of nearly all non-members.

    Attributes:
        fpr: the false positive rate: 1 %, or the least at which the non-members can place a
            threshold, at most 10 %.
        tpr: share of the members called at it.
    """

    fpr: float
    tpr: Estimate | Missing


@dataclass(frozen=True)
class Triage:
    """What one forward pass shows.

    Attributes:
        loss_gap: mean loss of non-members minus that of members, in nats.
        accuracy: share of records that the network gets right.
        calibration_slope: factor by which logit margins should be stretched, at most 100.
        auc: of the loss as an attack.
        tail: members of lowest loss.
        worth_it: whether members and non-members already differ.
        verdict: one sentence.
        warnings: of a study that stops at the triage, sentences without their full stop.
        loss_tail: non-members whose loss lies above that of nearly all members.
    """

    loss_gap: float
    accuracy: BothSides
    calibration_slope: BothSides
    auc: Estimate
    tail: Tail
    worth_it: bool
    verdict: str
    warnings: tuple[str, ...] | None = None
    loss_tail: TailTest | None = None


@dataclass(frozen=True, kw_only=True)
class AttackFinding(Evaluation):
    """How well one attack separates members from non-members.

    Attributes:
        note: a caveat about these numbers.
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
        slices: of the best attack, by class, group and prediction; None where none is known.
    """

    attacks: Mapping[str, AttackFinding]
    skipped: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    triage: Triage | None = None
    shadows: ShadowFit | None = None
    label_only: LabelOnlyFinding | None = None
    best: str | None = None
    slices: SliceFindings | None = None

    @property
    def all_attacks(self) -> dict[str, AttackFinding]:
        """Every attack, the one by hard labels among them."""
        labels = {} if self.label_only is None else {LABEL_ONLY: self.label_only}
        return {**self.attacks, **labels}


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
        raise ImprintError("no membership attack was run: choose one with --attacks")
    rates = resolved_fprs(attacks)
    least = rates[-1] if rates else None

    def strength(name: str) -> tuple[float, float]:
        rate = 0.0 if least is None else attacks[name].tpr(least).value
        return rate, attacks[name].auc.value

    return max(names_by_auc(attacks), key=strength), least
