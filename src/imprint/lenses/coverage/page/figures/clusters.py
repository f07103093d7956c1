"""The clusters of important neurons: their activations with the borders, and their silhouettes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from imprint.lenses.coverage.cell_findings import ClusteredNeuron
from imprint.report.figure import Area, Axis, Colour, Key, Level, Lines, Multiples, Series
from imprint.report.wording import count, fixed, plural, significant

HEADROOM = 1.1
BLADES: Sequence[Colour] = ("target", "reference")
"""Colours of neighbouring clusters."""


def activation_panels(criterion: str, neurons: Sequence[ClusteredNeuron]) -> Multiples:
    """Return how the activations of each neuron spread, with the borders of its clusters."""
    spoken = ", ".join(
        f"{_name(each)} {plural(len(each.sizes), 'cluster')}"
        + "".join(f", border at {significant(border)}" for border in each.thresholds[:1])
        for each in neurons
    )
    return Multiples(
        name=f"coverage-{criterion}-activations",
        title=f"Activations of the neurons of {criterion.upper()}",
        caption="Shares of the training inputs and of the tests in equal bins. The borders part "
        "the clusters of the training inputs: a cell is one cluster of every neuron.",
        description=f"Histograms with borders of clusters: {spoken}.",
        panels=[_activations(each) for each in neurons],
        x="activation",
        keys=[
            Key("training inputs", "reference"),
            Key("tests", "target", "solid"),
            Key("border", "ink", "dashed"),
        ],
    )


def _activations(neuron: ClusteredNeuron) -> Lines:
    edges = np.linspace(neuron.low, neuron.high, len(neuron.training) + 1)
    training, tests = (
        np.array(counts) / max(1, sum(counts)) for counts in (neuron.training, neuron.tests)
    )
    return Lines(
        name="",
        title=_name(neuron),
        caption="",
        description="",
        x=Axis("", significant, low=float(edges[0]), high=float(edges[-1])),
        y=Axis("", low=0, high=HEADROOM * float(max(training.max(), tests.max()))),
        series=[Series("", edges, [*tests, tests[-1]], line="steps", colour="target", thin=True)],
        levels=[
            Level(border, colour="ink", dash="dashed", vertical=True)
            for border in neuron.thresholds
        ],
        areas=[
            Area(
                np.repeat(edges, 2)[1:-1],
                0.0,
                np.repeat(training, 2),
                "",
                "reference",
                strength=0.4,
            )
        ],
        legend="none",
    )


def silhouette_panels(criterion: str, neurons: Sequence[ClusteredNeuron]) -> Multiples | None:
    """Return how well each training input fits its cluster; None where no neuron has two."""
    drawn = [each for each in neurons if each.blades]
    if not drawn:
        return None
    spoken = ", ".join(
        f"{_name(each)} {fixed(2)(each.silhouette)}"
        for each in drawn
        if each.silhouette is not None
    )
    return Multiples(
        name=f"coverage-{criterion}-silhouettes",
        title=f"Are the clusters of {criterion.upper()} apart?",
        caption="Silhouettes of the training inputs, cluster by cluster from the lowest "
        "activations, in each the highest first: 1 far from the next cluster, 0 between two, below "
        "0 nearer to the other. Dashed and beside the name: the mean over all of them.",
        description=f"Silhouette blades, mean silhouette: {spoken}.",
        panels=[_blades(each) for each in drawn],
        x="training inputs",
        numbered=True,
    )


def _blades(neuron: ClusteredNeuron) -> Lines:
    starts = np.cumsum([0, *neuron.sizes])
    areas = [
        Area(
            np.linspace(starts[row], starts[row + 1], max(2, len(blade))),
            0.0,
            np.array(blade if len(blade) > 1 else blade * 2),
            "",
            BLADES[row % len(BLADES)],
            strength=0.5,
        )
        for row, blade in enumerate(neuron.blades)
    ]
    least = min(min(blade) for blade in neuron.blades)
    mean = neuron.silhouette
    return Lines(
        name="",
        title=_name(neuron) if mean is None else f"{_name(neuron)} · {fixed(2)(mean)}",
        caption="",
        description="",
        x=Axis("", count, low=0, high=float(starts[-1]), whole=True),
        y=Axis("", low=min(0.0, 1.05 * least), high=1.0, ticks=[(0, "0"), (0.5, "0.5"), (1, "1")]),
        levels=[] if mean is None else [Level(mean, colour="ink", dash="dashed")],
        areas=areas,
        legend="none",
    )


def _name(neuron: ClusteredNeuron) -> str:
    return f"{neuron.layer} #{neuron.neuron}"
