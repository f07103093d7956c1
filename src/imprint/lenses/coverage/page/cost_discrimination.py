"""What criteria cost beside what they tell apart, and which no other one beats in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imprint.lenses.coverage.experiments.cost_findings import Cost, Discrimination
from imprint.report.figure import Axis, Colour, Label, Level, Lines, Series
from imprint.report.wording import percent, plural, short_percent, significant
from imprint.stats.estimate import Estimate

ROOM = 2.5
"""Factor of the cost beyond the outermost points, for their names."""

NAME_WIDTH = 3.0
"""Factor of the cost that a name takes."""
NAME_HEIGHT = 0.14
"""What a name takes of the difference."""


@dataclass(frozen=True)
class Placed:
    """A criterion by its cost, as a multiple of the forward pass, and what it tells apart."""

    name: str
    ratio: float
    difference: Estimate


def discrimination_figure(cost: Cost, found: Discrimination) -> Lines | None:
    """Return cost against difference by criterion; None where no criterion has both."""
    placed = placed_criteria(cost, found.criteria)
    if not placed:
        return None
    front = pareto_front(placed)
    others = [each for each in placed if each not in front]
    ratios = [each.ratio for each in placed]
    spoken = (
        "none"
        if not front
        else ", ".join(
            f"{each.name} {significant(each.ratio, 2)} × and {percent(each.difference.value)}"
            for each in front
        )
    )
    return Lines(
        name="coverage-cost-discrimination",
        title="What does a dearer criterion tell apart?",
        caption="Important less random pixels by coverage sensitivity, as a share of what noise on "
        f"both adds, against the cost of an update: {plural(found.draws, 'draw')} of noise on "
        f"{plural(found.tests, 'test')}, pixels by {found.pixels}, 95% intervals. {_named(front)}",
        description=f"Points; criteria that tell more apart than every cheaper one: {spoken}.",
        x=Axis(
            "times the forward pass",
            lambda ratio: significant(ratio, 2),
            low=min(ratios) / ROOM,
            high=max(ratios) * ROOM,
            log=True,
        ),
        y=Axis("important less random", short_percent, low=-1.05, high=1.05),
        series=[
            _points("others", others, "muted"),
            _points("more than every cheaper one", front, "target"),
        ],
        levels=[Level(0.0)],
        labels=[Label(each.ratio, each.difference.value, each.name) for each in apart(front)],
        height=280,
    )


def placed_criteria(cost: Cost, differences: Mapping[str, Estimate]) -> list[Placed]:
    """Return the criteria that have both numbers and a cost above 0, the cheapest first."""
    both = [
        Placed(name.upper(), each.ratio, differences[name])
        for name, each in cost.measured.items()
        if name in differences and each.ratio > 0
    ]
    return sorted(both, key=lambda each: (each.ratio, -each.difference.value, each.name))


def pareto_front(placed: Sequence[Placed]) -> list[Placed]:
    """Return those that clearly tell pixels apart, and more than every cheaper one does.

    Args:
        placed: the cheapest first.
    """
    front: list[Placed] = []
    for each in (each for each in placed if each.difference.low > 0):
        if not front or each.difference.value > front[-1].difference.value:
            front.append(each)
    return front


def apart(front: Sequence[Placed]) -> list[Placed]:
    """Return those of a front whose names do not meet, the one that tells most among them."""
    kept: list[Placed] = []
    for each in reversed(front):
        if not kept or (
            kept[-1].ratio >= NAME_WIDTH * each.ratio
            or kept[-1].difference.value - each.difference.value >= NAME_HEIGHT
        ):
            kept.append(each)
    return kept[::-1]


def _named(front: Sequence[Placed]) -> str:
    if not front:
        return "No criterion clearly adds more for important pixels."
    names = ", ".join(each.name for each in front)
    return f"Clear, and more than every cheaper one tells apart, from left to right: {names}."


def _points(name: str, placed: Sequence[Placed], colour: Colour) -> Series:
    return Series(
        name if placed else "",
        np.array([each.ratio for each in placed]),
        np.array([each.difference.value for each in placed]),
        np.array([each.difference.low for each in placed]),
        np.array([each.difference.high for each in placed]),
        line="none",
        colour=colour,
        marker="dot",
    )
