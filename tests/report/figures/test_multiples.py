from dataclasses import replace

import numpy as np

from imprint.report.figure import Area, Axis, Key, Level, Lines, Multiples
from imprint.report.figures.multiples import paint_multiples

PANEL = Lines(
    name="", title="conv #1", caption="", description="", x=Axis("x", low=0, high=2),
    y=Axis("", low=0, high=1), areas=[Area([0, 2], 0.0, [0.5, 1.0])],
    levels=[Level(0.5, vertical=True)], legend="none",
)  # fmt: skip
FIGURE = Multiples(
    name="m", title="T", caption="C", description="D", x="activation",
    panels=[PANEL, replace(PANEL, title="conv #2"), replace(PANEL, title="fc #0")],
    keys=[Key("tests", "target")],
)  # fmt: skip


def test_panels_stand_row_by_row_and_apart() -> None:
    drawn = paint_multiples(FIGURE)
    whole, *panels = drawn.axes
    assert [axes.texts[0].get_text() for axes in panels] == ["conv #1", "conv #2", "fc #0"]
    first, second, third = (axes.get_position() for axes in panels)
    assert first.x1 < second.x0
    assert (first.y0, first.x0) == (second.y0, third.x0)
    assert third.y1 < first.y0
    assert "tests" in [text.get_text() for text in whole.texts]
    assert all(0 <= edge <= 1 for axes in panels for edge in axes.get_position().extents)
    assert [text.get_text() for text in drawn.texts] == ["activation"]


def test_every_panel_draws_its_own_values() -> None:
    axes = paint_multiples(FIGURE).axes[1]
    assert axes.get_xlim() == (0, 2)
    points = axes.collections[0].get_paths()[0].vertices
    assert {(0.0, 0.5), (2.0, 1.0)} <= {tuple(point) for point in np.asarray(points).tolist()}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("", "")


def test_it_is_drawn_without_keys_and_with_one_panel() -> None:
    assert "<svg" in replace(FIGURE, keys=(), panels=[PANEL], x="", numbered=True).svg()
