"""The vocabulary of figures: a lens describes one in words and numbers, the kit draws it.

A figure is drawn for the page (:meth:`Figure.html`), in the page's own colours, or as a Matplotlib
figure (:meth:`Figure.plot`). What figures are described by stands in ``report.marks``, each kind
and how it looks in one module of ``report.figures``.

>>> from imprint.report.wording import percent
>>> figure = Lines(
...     name="accuracy", title="Accuracy over training", caption="On images of the test set.",
...     description="Line plot: accuracy rises from 10.0% to 61.3%.",
...     x=Axis("epoch", whole=True), y=Axis("accuracy", percent, low=0),
...     series=[Series("model", [1, 2, 3], [0.1, 0.5, 0.613])],
... )
>>> str(figure.html())[:33]
'<figure><h3>Accuracy over trainin'
"""

from __future__ import annotations

from imprint.report.figures.bars import Bar, Bars, StackedBars
from imprint.report.figures.boxes import Box, Boxes, BoxGroup
from imprint.report.figures.histogram import Histogram
from imprint.report.figures.intervals import Interval, IntervalGroup, Intervals
from imprint.report.figures.lines import Lines
from imprint.report.figures.matrix import Matrix
from imprint.report.figures.multiples import Multiples
from imprint.report.figures.upset import Upset
from imprint.report.marks import (
    Area,
    Axis,
    Colour,
    Dash,
    Figure,
    Key,
    Label,
    Level,
    Marker,
    Numbers,
    Series,
    estimates,
)

__all__ = [
    "Area",
    "Axis",
    "Bar",
    "Bars",
    "Box",
    "BoxGroup",
    "Boxes",
    "Colour",
    "Dash",
    "Figure",
    "Histogram",
    "Interval",
    "IntervalGroup",
    "Intervals",
    "Key",
    "Label",
    "Level",
    "Lines",
    "Marker",
    "Matrix",
    "Multiples",
    "Numbers",
    "Series",
    "StackedBars",
    "Upset",
    "estimates",
]
