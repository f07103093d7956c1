"""What the intervals of all attacks allow to say, in one sentence that names its number.

The best of many attacks is above chance by chance. So a claim rests on an interval widened to the
confidence 1 − 0.05 / m, with m the attacks, or attacks times rates, that it was chosen from
(Bonferroni).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from imprint.lenses.membership.attack_kit.tail_test import TailTest
from imprint.lenses.membership.findings import (
    CHANCE,
    WEAK_AUC,
    WIDE_INTERVAL,
    Evaluation,
    MembershipFindings,
    names_by_auc,
    resolved_fprs,
)
from imprint.report.wording import percent, with_interval
from imprint.stats.choices import widen_for_choices
from imprint.stats.estimate import Estimate

MAX_NAMING_RATE = 0.01
"""A false positive rate up to which finding members is a claim about single ones."""
TAIL_LEVEL = 0.001
"""Probability by chance of a tail test that is reported where attacks show nothing."""
NO_NAMES = "no record can be named with confidence"


@dataclass(frozen=True)
class AttackVerdict:
    """The heading of a membership section.

    Attributes:
        kind: ``found`` or ``nothing``.
        heading: one sentence without its full stop.
        statement: its claim without the number.
        about: the attack whose number it names.
        rate: the false positive rate of that number; None where it is an AUC.
    """

    kind: Literal["found", "nothing"]
    heading: str
    statement: str
    about: str
    rate: str | None = None


def attack_verdict(
    attacks: Mapping[str, Evaluation],
    single: str = "Single training images can be identified",
    tail: TailTest | None = None,
) -> AttackVerdict:
    """Return what a reader may conclude from attacks.

    Args:
        attacks: what each shows, by name.
        single: what it means that attacks find single records.
        tail: the tail test of the losses, which may show a difference that no attack shows.
    """
    rates = resolved_fprs(attacks)
    strongest = _single_records(attacks, rates)
    if strongest is not None:
        name, rate = strongest
        heading = f"{name} has TPR {percent(attacks[name].tpr(rate).value)} at {_rate(rate)} FPR"
        if float(rate) <= MAX_NAMING_RATE:
            return AttackVerdict("found", f"{single}: {heading}", single, name, rate)
        claim = "Members are found more often than by guessing"
        heading = f"{claim}: {heading}; {NO_NAMES}"
        return AttackVerdict("found", heading, f"{claim}; {NO_NAMES}", name, rate)
    best, worst = names_by_auc(attacks)[0], names_by_auc(attacks)[-1]
    area, lowest = attacks[best].auc, attacks[worst].auc
    if widen_for_choices(area, len(attacks)).low > CHANCE:
        claim = "Members score higher on average" + (
            f", a weak signal; {NO_NAMES}" if area.value < WEAK_AUC else ""
        )
        return AttackVerdict("found", _average(attacks, best, area, rates), claim, best)
    if widen_for_choices(lowest, len(attacks)).high < CHANCE:
        heading = (
            f"Below chance: {worst} scores members lower than non-members (AUC "
            f"{with_interval(lowest)}), which training does not do; check signs, the order of the "
            "classes and the two sets"
        )
        claim = "Below chance: check signs, the order of the classes and the two sets"
        return AttackVerdict("nothing", heading, claim, worst)
    if tail is not None and tail.p_value < TAIL_LEVEL:
        claim = (
            "Losses of non-members reach beyond those of members, yet no attack tells them apart"
        )
        heading = f"{claim}: {percent(tail.share)} of the non-members lie beyond"
        return AttackVerdict(
            "found", f"{heading}; AUC of {best}: {with_interval(area)}", claim, best
        )
    if area.high - area.low > WIDE_INTERVAL:
        claim = "Inconclusive, with too few records"
        heading = f"{claim}: the best attack, {best}, has an AUC of {with_interval(area)}"
        return AttackVerdict("nothing", heading, claim, best)
    claim = "No attack separates members from non-members"
    chance = f", as the best of {len(attacks)} may by chance" if area.low > CHANCE else ""
    heading = f"{claim}: the best, {best}, has an AUC of {with_interval(area)}{chance}"
    return AttackVerdict("nothing", heading, claim, best)


def network_verdict(findings: MembershipFindings) -> AttackVerdict:
    """Return what a reader may conclude from attacks on one network and the losses of its sets."""
    tail = None if findings.triage is None else findings.triage.loss_tail
    return attack_verdict(findings.attacks, tail=tail)


def _single_records(attacks: Mapping[str, Evaluation], rates: list[str]) -> tuple[str, str] | None:
    """Return the attack and least rate at which more members are found than by guessing."""
    choices = len(attacks) * max(1, len(rates))
    for rate in sorted(rates, key=float):
        above = {
            name: attack.tpr(rate).value
            for name, attack in attacks.items()
            if widen_for_choices(attack.tpr(rate), choices).low > float(rate)
        }
        if above:
            return max(above, key=lambda name: above[name]), rate
    return None


def _average(attacks: Mapping[str, Evaluation], best: str, area: Estimate, rates: list[str]) -> str:
    if area.value < WEAK_AUC:
        return (
            f"Weak signal: {best} scores members higher on average (AUC {with_interval(area)}); "
            f"{NO_NAMES}"
        )
    average = f"Members score higher on average ({best}: AUC {with_interval(area)})"
    if not rates:
        return f"{average}; the non-members are too few to say whether single images can be named"
    least = min(rates, key=float)
    tpr = attacks[best].tpr(least)
    share = f"its TPR at {_rate(least)} FPR is {with_interval(tpr)}"
    if tpr.value <= float(least):
        return f"{average}, but {share}, no more than guessing"
    return f"{average}; {share}, too uncertain to rule out guessing"


def _rate(rate: str) -> str:
    return f"{100 * float(rate):g}%"
