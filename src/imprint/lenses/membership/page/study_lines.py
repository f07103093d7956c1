"""Which attacks of a study are worth a line in its plots, and what they reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imprint.lenses.membership.page import study_plots as plots
from imprint.report.inputs import as_estimate, estimate, lookup, mapping
from imprint.stats.estimate import Estimate

RATE = 0.01
YARDSTICK, CURVATURE = "loss", "curvature"
ALIKE = 5e-4

Points = Sequence[Mapping[str, Any]]


def chosen_attacks(points: Points) -> list[str]:
    """Return the attacks worth a line: the two best at the end, the best on curvature, the loss.

    Attacks that are alike at every point share a line, under both names.
    """
    last = mapping(points[-1], "attacks")
    names = sorted(last, key=lambda name: (-estimate(last, name, "auc").value, name))
    names = [name for name in names if all(name in point["attacks"] for point in points)]
    different: list[str] = []
    for name in names:
        if not any(_alike(points, name, other) for other in different):
            different.append(name)
    wanted = [name for name in different if CURVATURE not in name and name != YARDSTICK][:2]
    wanted += [name for name in different if CURVATURE in name][:1]
    wanted += [name for name in different if _alike(points, name, YARDSTICK)]
    return list(dict.fromkeys(wanted))[: plots.MOST_LINES]


def _alike(points: Points, first: str, second: str) -> bool:
    if any(second not in point["attacks"] for point in points):
        return False
    return all(abs(auc(point, first).value - auc(point, second).value) < ALIKE for point in points)


def label(points: Points, name: str) -> str:
    """Return the name of an attack, with one more that is alike at every point."""
    others = [
        other for other in points[-1]["attacks"] if other != name and _alike(points, name, other)
    ]
    return " = ".join([name, *others[:1]])


def auc(point: Mapping[str, Any], name: str) -> Estimate:
    """Return the area under the curve of an attack at a point."""
    return estimate(point, "attacks", name, "auc")


def tpr(point: Mapping[str, Any], name: str) -> Estimate | None:
    """Return how many members an attack finds at ``RATE``; None where that cannot be seen."""
    return as_estimate(lookup(point, "attacks", name, "tpr_at_fpr").get(f"{RATE:g}"))
