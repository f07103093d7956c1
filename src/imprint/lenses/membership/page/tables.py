"""What the tables of a membership section show, from the findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imprint.core.missing import Missing
from imprint.lenses.membership.findings import AttackFinding
from imprint.report.headline import Headline
from imprint.report.wording import decimal, percent
from imprint.stats.control import Control
from imprint.stats.estimate import Estimate

CHANCE = 0.5
BELOW_CHANCE = (
    " Less than guessing: training images score lower than others, as where a sign is turned, the "
    "classes are in another order or the training images are the harder ones."
)


def words_of(kind: str) -> str:
    """Return what the page calls a kind of signal."""
    from imprint.probe.signals.signal import signal_kinds

    if kind == "distance":
        return "distance to the boundary"
    known = signal_kinds()
    return known[kind].words if kind in known else kind


def attack_row(attacks: Mapping[str, AttackFinding], name: str, rates: list[str]) -> dict[str, Any]:
    """Return what the table of attacks shows of one."""
    finding = attacks[name]
    passed = [control.passed for control in (finding.controls or {}).values()]
    return {
        "name": name,
        "reads": words_of(finding.reads),
        "auc": finding.auc,
        "tpr": [as_known(finding.tpr_at_fpr.get(rate)) for rate in rates],
        "balanced": finding.balanced_accuracy,
        "queries": finding.queries,
        "controls": f"{sum(passed)} of {len(passed)}" if passed else "not run",
        "passed": sum(passed),
    }


def control_rows(attacks: Mapping[str, AttackFinding]) -> list[dict[str, Any]]:
    """Return one row a kind of control, over all attacks; kinds that failed first."""
    kinds: dict[str, dict[str, Control]] = {}
    for name, finding in attacks.items():
        for kind, control in (finding.controls or {}).items():
            kinds.setdefault(kind, {})[name] = control
    rows = []
    for kind, controls in kinds.items():
        areas = [control.value.value for control in controls.values()]
        missed = [name for name, control in controls.items() if not control.passed]
        first = next(iter(controls.values()))
        rows.append(
            {
                "name": kind.replace("_", " "),
                "what": first.what,
                "passed": not missed,
                "missed": missed,
                "count": len(controls),
                "low": min(areas),
                "high": max(areas),
                "expected": first.expected,
            }
        )
    return sorted(rows, key=lambda row: row["passed"])


def attack_headlines(
    attacks: Mapping[str, AttackFinding], best: str, least: str | None, of: str = "record"
) -> list[Headline]:
    """Return what the best attack finds at the least rate that was measured, and its AUC."""
    area = attacks[best].auc
    lines = []
    if least is not None:
        share, rate = attacks[best].tpr(least), float(least)
        alarms = percent(rate, digits(rate))
        lines.append(
            Headline(
                f"Members found at {alarms} false alarms",
                share,
                rate,
                f"When {alarms} of the images that were not trained on are called members by "
                f"mistake, {best} finds {percent(share.value)} of the training images. Guessing "
                f"would find {alarms}.",
                of,
            )
        )
    lines.append(
        Headline(
            "Area under the curve",
            area,
            CHANCE,
            f"Of one training image and one other, {best} takes the right one for the training "
            f"image {decimal(100 * area.value, 0)} times in 100. Guessing: 50."
            + (BELOW_CHANCE if area.high < CHANCE else ""),
            of,
        )
    )
    return lines


def digits(rate: float) -> int:
    """Return how many decimals a rate has in percent."""
    return max(0, len(f"{100 * rate:g}".partition(".")[2]))


def as_known(rate: Estimate | Missing | None) -> Estimate | None:
    """Return a rate that could be measured, else None."""
    return rate if isinstance(rate, Estimate) else None
