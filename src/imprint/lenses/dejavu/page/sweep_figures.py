"""Figures of a sweep: accuracy, categories and probes against what was varied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imprint.lenses.dejavu.findings import ByPercent, SweepPoint, probe_accuracy
from imprint.lenses.dejavu.page.tables import cut_title
from imprint.lenses.dejavu.page.verdict import percents_of
from imprint.report.figure import (
    Area,
    Axis,
    Colour,
    Dash,
    Key,
    Lines,
    Series,
    estimates,
)
from imprint.report.wording import percent, points, short_percent

STACK: Sequence[Colour] = ("correlated", "forgotten", "memorized")
"""Categories from below; images that no model gets right fill the rest, as published."""
DASHES: Sequence[Dash] = ("solid", "dashed", "dotted", "dash-dot")
MAX_TICKS = 6


@dataclass(frozen=True)
class SweptAxis:
    """Where the points of a plot lie.

    Attributes:
        places: of each point, rising.
        labels: written there.
        title: of the axis.
    """

    places: Sequence[float]
    labels: Sequence[str]
    title: str

    @property
    def band(self) -> Sequence[float]:
        """The places of areas; none, for the whole width, where there is one point."""
        return self.places if len(self.places) > 1 else ()

    @property
    def axis(self) -> Axis:
        """The axis of a figure."""
        ticks = list(zip(self.places, self.labels, strict=True))
        low, high = self.places[0], self.places[-1]
        room = 0.04 * (high - low) or 0.5
        return Axis(
            self.title,
            low=low - room,
            high=high + room,
            ticks=ticks if len(ticks) <= MAX_TICKS else (),
        )


def accuracies(name: str, swept: SweptAxis, tests: Sequence[ByPercent], title: str) -> Lines:
    """Return accuracies of target and reference, a dash pattern a cut by confidence.

    Args:
        name: of the plot.
        swept: where the points lie.
        tests: at every point.
        title: behind the title of the figure.
    """
    percents = percents_of(tests[0])[: len(DASHES)]
    series = [
        estimates(
            "",
            swept.places,
            [getattr(test[p], f"{model}_accuracy") for test in tests],
            colour=model,
            dash=dash,
        )
        for p, dash in zip(percents, DASHES, strict=False)
        for model in _MODELS
    ]
    last = tests[-1][percents[0]]
    gap = points(last.target_accuracy.value - last.reference_accuracy.value)
    return Lines(
        name=f"attk_{name}",
        title=f"Accuracy{title}",
        caption="Accuracy of naming the object from the background, on all images and on those "
        "each model is most confident of, with 95% intervals over images.",
        description=f"Line plot over {swept.title}: accuracy on {cut_title(percents[0])}. At "
        f"{swept.labels[-1]} the gap is {gap} points.",
        x=swept.axis,
        y=Axis("accuracy", short_percent, low=0),
        series=series,
        keys=[
            *(Key(model, model) for model in _MODELS),
            *(Key(cut_title(p), dash=d) for p, d in zip(percents, DASHES, strict=False)),
        ],
        apart=True,
    )


_MODELS: Sequence[Colour] = ("target", "reference")


def shares(name: str, swept: SweptAxis, tests: Sequence[ByPercent], title: str) -> Lines:
    """Return the categories of the images, stacked, against what was varied."""
    widest = percents_of(tests[0])[0]
    values = {
        category: np.array([getattr(test[widest], category).value for test in tests])
        for category in STACK
    }
    last = ", ".join(f"{percent(float(values[key][-1]))} {key}" for key in STACK)
    below = np.zeros(len(tests))
    areas = []
    for category in STACK:
        above = below + values[category]
        low, high = (below, above) if swept.band else (float(below[0]), float(above[0]))
        areas.append(Area(swept.band, low, high, name=category, colour=category, strength=1.0))
        below = above
    return Lines(
        name=f"attk_{name}",
        title=f"What the background reveals{title}",
        caption="Memorized less forgotten is the déjà vu score. The rest, which no model gets "
        "right, is not drawn.",
        description=f"Stacked shares over {swept.title}: at {swept.labels[-1]}, {last}.",
        x=swept.axis,
        y=Axis("share of the images", short_percent, low=0),
        areas=areas,
    )


def probes(name: str, swept: SweptAxis, swept_points: Sequence[SweepPoint]) -> Lines:
    """Return the accuracy of linear probes on members and non-members."""
    members, others = (
        [probe_accuracy(point, part) for point in swept_points] for part in ("train", "held_out")
    )
    return Lines(
        name=name,
        title="What a linear probe would show",
        caption="Accuracy of linear probes on images the encoder was trained on and on others, the "
        "mean of A and B. Where this gap does not move with the score, it does not reveal it.",
        description=f"Line plot over {swept.title}: linear probes reach {percent(members[-1])} on "
        f"members and {percent(others[-1])} on non-members at {swept.labels[-1]}.",
        x=swept.axis,
        y=Axis("accuracy of the probe", short_percent, low=0),
        series=[
            Series("members", swept.places, members, colour="ink", marker="dot"),
            Series("non-members", swept.places, others, colour="ink", dash="dashed", marker="dot"),
        ],
    )
