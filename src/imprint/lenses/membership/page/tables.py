"""What the tables of a membership section show, from the findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imprint.report.headline import Headline
from imprint.report.inputs import as_estimate, estimate, is_number, lookup, mapping
from imprint.report.wording import decimal, percent

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


def attack_row(attacks: Mapping[str, Any], name: str, rates: list[str]) -> dict[str, Any]:
    """Return what the table of attacks shows of one."""
    found = mapping(attacks, name)
    passed = [bool(lookup(control, "passed")) for control in found.get("controls", {}).values()]
    return {
        "name": name,
        "reads": words_of(str(found.get("reads", ""))),
        "auc": estimate(attacks, name, "auc"),
        "tpr": [as_estimate(lookup(found, "tpr_at_fpr", rate)) for rate in rates],
        "balanced": estimate(attacks, name, "balanced_accuracy"),
        "queries": found.get("queries"),
        "controls": f"{sum(passed)} of {len(passed)}" if passed else "not run",
        "passed": sum(passed),
    }


def control_rows(attacks: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one row a kind of control, over all attacks; kinds that failed first."""
    kinds: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for name in attacks:
        for kind, control in attacks[name].get("controls", {}).items():
            kinds.setdefault(kind, []).append((name, control))
    rows = []
    for kind, found in kinds.items():
        values = [as_estimate(control.get("value")) for _, control in found]
        areas = [value.value for value in values if value is not None]
        missed = [name for name, control in found if not lookup(control, "passed")]
        expected = found[0][1].get("expected")
        rows.append(
            {
                "name": kind.replace("_", " "),
                "what": str(lookup(found[0][1], "what")),
                "passed": not missed,
                "missed": missed,
                "count": len(found),
                "low": min(areas, default=float("nan")),
                "high": max(areas, default=float("nan")),
                "expected": expected if is_number(expected) else float("nan"),
            }
        )
    return sorted(rows, key=lambda row: row["passed"])


def attack_headlines(
    attacks: Mapping[str, Any], best: str, least: str | None, of: str = "record"
) -> list[Headline]:
    """Return what the best attack finds at the least rate that was measured, and its AUC."""
    area = estimate(attacks, best, "auc")
    lines = []
    if least is not None:
        found, rate = estimate(attacks, best, "tpr_at_fpr", least), float(least)
        alarms = percent(rate, digits(rate))
        lines.append(
            Headline(
                f"Members found at {alarms} false alarms",
                found,
                rate,
                f"When {alarms} of the images that were not trained on are called members by "
                f"mistake, {best} finds {percent(found.value)} of the training images. Guessing "
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
