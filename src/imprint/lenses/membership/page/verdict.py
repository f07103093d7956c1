"""What the intervals of all attacks allow to say, in one sentence that names its number.

The best of many attacks is above chance by chance. So a claim rests on an interval widened to the
confidence 1 − 0.05 / m, with m the attacks, or attacks times rates, that it was chosen from
(Bonferroni).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imprint.lenses.membership.attack.evaluation import Evaluation
from imprint.lenses.membership.findings import AttackFinding, names_by_auc, resolved_fprs
from imprint.report.several import widened
from imprint.report.wording import percent
from imprint.stats.estimate import Estimate

CHANCE = 0.5
WEAK_AUC = 0.6
"""An AUC up to which an average difference is called weak."""
NAMING_RATE = 0.01
"""A false positive rate up to which finding members is a claim about single ones."""
NOBODY = "no record can be named with confidence"
WIDE_INTERVAL = 0.25
"""Width of an AUC's interval from which nothing found means nothing."""


@dataclass(frozen=True)
class Verdict:
    """The heading of a membership section.

    Attributes:
        kind: ``found`` or ``nothing``.
        heading: one sentence without its full stop.
        about: the attack whose number it names.
        rate: the false positive rate of that number; None where it is an AUC.
    """

    kind: str
    heading: str
    about: str
    rate: str | None


def attack_verdict(
    attacks: Mapping[str, Evaluation],
    named: str = "Single training images can be told from others",
) -> Verdict:
    """Return what a reader may conclude from attacks.

    Args:
        attacks: of ``lenses.membership.attacks``.
        named: what it means that attacks find single records.
    """
    rates = resolved_fprs(attacks)
    single = _single_records(attacks, rates)
    if single is not None:
        name, rate = single
        shown = attacks[name].tpr(rate)
        heading = f"{name} finds {percent(shown.value)} of them at {_rate(rate)} false positives"
        if float(rate) <= NAMING_RATE:
            return Verdict("found", f"{named}: {heading}", name, rate)
        heading = f"Members are found more often than by guessing: {heading}; {NOBODY}"
        return Verdict("found", heading, name, rate)
    best, worst = names_by_auc(attacks)[0], names_by_auc(attacks)[-1]
    area = attacks[best].auc
    if widened(area, len(attacks)).low > CHANCE:
        return Verdict("found", _average(attacks, best, area, rates), best, None)
    lowest = attacks[worst].auc
    if widened(lowest, len(attacks)).high < CHANCE:
        heading = (
            f"Below chance: {worst} scores members lower than non-members (AUC {_shown(lowest)}), "
            "which training does not do; check signs, the order of the classes and the two sets"
        )
        return Verdict("nothing", heading, worst, None)
    if area.high - area.low > WIDE_INTERVAL:
        heading = f"Too few records to say: the best attack, {best}, has an AUC of {_shown(area)}"
        return Verdict("nothing", heading, best, None)
    heading = f"No attack told training images from others: the best, {best}, has an AUC of "
    chance = f", as the best of {len(attacks)} may by chance" if area.low > CHANCE else ""
    return Verdict("nothing", heading + _shown(area) + chance, best, None)


def _single_records(attacks: Mapping[str, Evaluation], rates: list[str]) -> tuple[str, str] | None:
    """Return the attack and least rate at which more members are found than by guessing."""
    choices = len(attacks) * max(1, len(rates))
    for rate in sorted(rates, key=float):
        above = {
            name: attacks[name].tpr(rate).value
            for name in attacks
            if widened(attacks[name].tpr(rate), choices).low > float(rate)
        }
        if above:
            return max(above, key=lambda name: above[name]), rate
    return None


def _average(attacks: Mapping[str, Evaluation], best: str, area: Estimate, rates: list[str]) -> str:
    if area.value < WEAK_AUC:
        return (
            f"Weak signal: {best} scores members higher on average (AUC {_shown(area)}); {NOBODY}"
        )
    average = f"Members score higher on average ({best}: AUC {_shown(area)})"
    if not rates:
        return f"{average}; the non-members are too few to say whether single images can be named"
    least = min(rates, key=float)
    share_found = attacks[best].tpr(least)
    share = f"at {_rate(least)} false positives it finds {_shown(share_found)} of them"
    if share_found.value <= float(least):
        return f"{average}, but {share}, no more than guessing"
    return f"{average}; {share}, too uncertain to rule out guessing"


def notes(attacks: Mapping[str, AttackFinding]) -> list[tuple[str, str]]:
    """Return what the numbers of some attacks need said, each note once, behind its attacks."""
    names: dict[str, list[str]] = {}
    for name, finding in attacks.items():
        if finding.note is not None:
            names.setdefault(finding.note, []).append(name)
    return [(", ".join(several), note) for note, several in names.items()]


def _rate(rate: str) -> str:
    return f"{100 * float(rate):g}%"


def _shown(area: Estimate) -> str:
    return f"{percent(area.value)} [{percent(area.low)}, {percent(area.high)}]"
