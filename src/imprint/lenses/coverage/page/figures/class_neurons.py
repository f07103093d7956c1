"""The leading neurons of classes: which they are, what they cost, and which methods agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from imprint.core.missing import Missing
from imprint.lenses.coverage.experiments.class_findings import (
    ClassNeurons,
    ClassStudy,
    SharedByMethods,
)
from imprint.report.figure import Area, Axis, Bar, Bars, Level, Lines, Marker, Series
from imprint.report.wording import count, percent, plural, short_percent

MAX_METHODS = 4
MAX_CLASSES = 20
MARKERS: Sequence[Marker] = ("dot", "square", "triangle", "diamond")
ROW = 25.0
"""Plot units a class."""
APART = 0.6
"""Part of a row that the methods share."""
MAX_NAMED_LAYERS = 24
MAX_BARS = 20


def class_figures(study: ClassStudy) -> Iterator[Lines | Bars]:
    """Yield the figures that a study has findings for; none of earlier versions."""
    methods = dict(list(study.measured.items())[:MAX_METHODS])
    if study.layers and all(each.leading for each in methods.values()):
        yield neuron_scatter(study, methods, study.layers)
    if len(study.classes) > 1 and all(
        drop.accuracy is not None for each in methods.values() for drop in each.drops.values()
    ):
        yield accuracy_lines(study, methods)
    for part, shared in (("class", study.shared_by_class), ("layer", study.shared_by_layer)):
        if shared:
            yield shared_bars(part, shared, list(study.measured))


def neuron_scatter(
    study: ClassStudy, methods: Mapping[str, ClassNeurons], layers: Mapping[str, int]
) -> Lines:
    """Return which neurons lead for which class, a colour for each attribution.

    Every hidden layer is as wide as any other, whatever its number of neurons.

    Args:
        study: all.
        methods: those that are drawn, with the leading neurons of classes.
        layers: neurons of each.
    """
    hidden = list(layers)[:-1]
    names = study.classes[:MAX_CLASSES]
    series = []
    for row, (method, each) in enumerate(methods.items()):
        neurons = np.array(each.leading)[: len(names)]
        places = np.arange(len(names))[::-1, None] - _offset(row, len(methods))
        series.append(
            Series(
                method,
                neuron_places(neurons, list(layers.values())).ravel(),
                np.broadcast_to(places, neurons.shape).ravel(),
                line="none",
                marker=MARKERS[row],
            )
        )
    every = max(1, -(-len(hidden) // MAX_NAMED_LAYERS))
    ticks = [(place + 0.5, name) for place, name in enumerate(hidden)][::every]
    return Lines(
        name="coverage-class-neurons",
        title="Which neurons lead for each class?",
        caption=f"The {plural(study.neurons, 'leading neuron')} of each class, by their number "
        "within the layer; every layer is drawn as wide as any other.",
        description=f"Points: leading neurons of {plural(len(names), 'class', 'classes')} in "
        f"{plural(len(hidden), 'layer')} by {', '.join(methods)}.",
        x=Axis("neuron, layer by layer", low=0, high=len(hidden), ticks=ticks),
        y=Axis(
            "",
            low=-0.6,
            high=len(names) - 0.4,
            ticks=[(len(names) - 1 - row, name) for row, name in enumerate(names)],
        ),
        series=series,
        levels=[Level(border, vertical=True) for border in range(1, len(hidden))],
        height=max(150.0, ROW * len(names)),
    )


def neuron_places(neurons: np.ndarray, widths: Sequence[int]) -> np.ndarray:
    """Return where neurons stand on an axis on which every layer is 1 wide.

    >>> neuron_places(np.array([0, 1, 2]), [2, 1]).tolist()
    [0.25, 0.75, 1.5]

    Args:
        neurons: int64, numbered among all.
        widths: neurons of each layer.
    """
    starts = np.cumsum([0, *widths])
    layer = np.searchsorted(starts, neurons, side="right") - 1
    return np.asarray(layer + (neurons - starts[layer] + 0.5) / np.array(widths)[layer])


def _offset(row: int, rows: int) -> float:
    """Return how far below the middle of a class the points of a method lie."""
    return APART * ((row + 0.5) / rows - 0.5)


def accuracy_lines(study: ClassStudy, methods: Mapping[str, ClassNeurons]) -> Lines:
    """Return the accuracy on each class without its leading neurons, and without random ones.

    Args:
        study: all.
        methods: those that are drawn, with the accuracy of the whole network by class.
    """
    names = study.classes[:MAX_CLASSES]
    x = np.arange(len(names), dtype=np.float64)
    whole = np.array([_accuracy(next(iter(methods.values())), name) for name in names])
    series = [
        Series(
            method,
            x,
            whole - np.array([_own_drop(each, name) for name in names]),
            marker=MARKERS[row],
        )
        for row, (method, each) in enumerate(methods.items())
    ]
    random = [[each.drops[name].random for name in names] for each in methods.values()]
    low = whole - np.array([[drop.high for drop in row] for row in random]).max(axis=0)
    high = whole - np.array([[drop.low for drop in row] for row in random]).min(axis=0)
    spoken = ", ".join(
        f"{each.name} {percent(float(np.nanmean(np.asarray(each.y))))}" for each in series
    )
    return Lines(
        name="coverage-class-accuracy",
        title="Accuracy on each class without its neurons",
        caption="Accuracy on the tests of each class without its leading neurons. The band spans "
        f"the central 95% of {plural(study.draws, 'random set')} for each attribution, of as many "
        "neurons of each layer.",
        description=f"Curves, mean accuracy over classes: {spoken}; whole network "
        f"{percent(float(whole.mean()))}.",
        x=Axis("class", ticks=[(row, name) for row, name in enumerate(names)]),
        y=Axis("accuracy", short_percent, low=-0.03, high=1.03),
        series=[
            Series("whole network", x, whole, colour="muted", dash="dotted", thin=True),
            *series,
        ],
        areas=[Area(x, low, high, "random neurons", "muted", strength=0.25)],
        height=260,
    )


def _accuracy(neurons: ClassNeurons, name: str) -> float:
    accuracy = neurons.drops[name].accuracy
    return np.nan if accuracy is None else accuracy


def _own_drop(neurons: ClassNeurons, name: str) -> float:
    own = neurons.drops[name].own
    return np.nan if isinstance(own, Missing) else own.value


def shared_bars(part: str, shared: Mapping[str, SharedByMethods], methods: Sequence[str]) -> Bars:
    """Return which share of the neurons that some attribution names every one names.

    Args:
        part: ``class`` or ``layer``.
        shared: by class or layer.
        methods: names of all attributions.
    """
    bars = [
        Bar(name, each.every / max(1, each.some), text=f"{count(each.every)} of {count(each.some)}")
        for name, each in list(shared.items())[:MAX_BARS]
    ]
    of_what = "of each class" if part == "class" else "of all classes in each layer"
    return Bars(
        name=f"coverage-shared-by-{part}",
        title=f"Do attributions agree, by {part}?",
        caption=f"Of the leading neurons {of_what} that one of {', '.join(methods)} names, the "
        "share that every one of them names.",
        description="Bars, neurons that all attributions name: "
        + ", ".join(f"{bar.name} {bar.text}" for bar in bars)
        + ".",
        axis=Axis("share of the neurons", short_percent, low=0, high=1),
        bars=bars,
    )
