"""Which attacks of a study are worth a line in its figures, and where its points lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imprint.lenses.membership.study_findings import AnyPoint
from imprint.report.marks import Axis, Marker

CHANCE = 0.5
YARDSTICK, CURVATURE = "loss", "curvature"
MAX_LINES = 4
MAX_EQUAL_AUC_GAP = 5e-4
MARKERS: tuple[Marker, ...] = ("dot", "square", "triangle", "diamond")

Points = Sequence[AnyPoint]


@dataclass(frozen=True)
class Places:
    """Where points lie on the axis: numbers, how they are written there, and the axis' title."""

    numbers: Sequence[float]
    labels: Sequence[str]
    title: str

    @property
    def axis(self) -> Axis:
        """The logarithmic axis."""
        ticks = list(zip(self.numbers, self.labels, strict=True))
        return Axis(self.title, log=True, ticks=ticks)


def chosen_attacks(points: Points) -> list[str]:
    """Return the attacks worth a line: the two best at the end, the best on curvature, the loss.

    Attacks that are alike at every point share a line, under both names.
    """
    last = points[-1].attacks
    names = sorted(last, key=lambda name: (-last[name].auc.value, name))
    names = [name for name in names if all(name in point.attacks for point in points)]
    different: list[str] = []
    for name in names:
        if not any(_are_alike(points, name, other) for other in different):
            different.append(name)
    wanted = [name for name in different if CURVATURE not in name and name != YARDSTICK][:2]
    wanted += [name for name in different if CURVATURE in name][:1]
    wanted += [name for name in different if _are_alike(points, name, YARDSTICK)]
    return list(dict.fromkeys(wanted))[:MAX_LINES]


def _are_alike(points: Points, first: str, second: str) -> bool:
    if any(second not in point.attacks for point in points):
        return False
    gaps = (point.attacks[first].auc.value - point.attacks[second].auc.value for point in points)
    return all(abs(gap) < MAX_EQUAL_AUC_GAP for gap in gaps)


def label(points: Points, name: str) -> str:
    """Return the name of an attack, with one more that is alike at every point."""
    others = [
        other for other in points[-1].attacks if other != name and _are_alike(points, name, other)
    ]
    return " = ".join([name, *others[:1]])
