import numpy as np

from imprint.report.drawing import REFERENCE
from imprint.report.figure import Axis, Interval, IntervalGroup, Intervals, Level
from imprint.report.figures.intervals import paint_intervals


def figure(*groups: IntervalGroup, level: Level | None = None) -> Intervals:
    return Intervals(
        name="i", title="T", caption="C", description="D", axis=Axis("rank correlation"),
        groups=groups, level=level,
    )  # fmt: skip


def test_dots_and_intervals_stand_in_their_rows() -> None:
    group = IntervalGroup([Interval("a", 0.5, 0.4, 0.6), Interval("b", -0.1)])
    axes = paint_intervals(figure(group)).axes[0]
    drawn = [np.asarray(line.get_xydata()).tolist() for line in axes.get_lines()]
    assert drawn == [[[0.4, 10], [0.6, 10]], [[0.5, 10]], [[-0.1, 30]]]
    assert [text.get_text() for text in axes.texts] == ["a", "b"]
    assert axes.get_xlim()[0] == -0.1


def test_a_level_is_always_in_sight() -> None:
    axes = paint_intervals(
        figure(IntervalGroup([Interval("a", 0.2)]), level=Level(0.9, colour="reference"))
    ).axes[0]
    assert axes.get_xlim()[1] > 0.9


def test_a_band_leads_to_the_limit_or_to_the_edge() -> None:
    groups = [
        IntervalGroup([Interval("one run", 1.0, ceiling=4.0)], "DP-SGD", 2.0),
        IntervalGroup([Interval("one run", 3.0, ceiling=4.0)], "no privacy"),
    ]
    axes = paint_intervals(figure(*groups)).axes[0]
    bands = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches]  # type: ignore[attr-defined]
    assert bands == [(1.0, 2.0), (3.0, axes.get_xlim()[1])]
    limits = [line for line in axes.get_lines() if line.get_color() == REFERENCE]
    assert [np.asarray(line.get_xdata()).tolist() for line in limits] == [[2.0, 2.0]]


def test_a_limit_far_beyond_the_axis_is_not_drawn() -> None:
    axes = paint_intervals(
        figure(IntervalGroup([Interval("one run", 1.0, ceiling=2.0)], "DP-SGD", 500.0))
    ).axes[0]
    assert axes.get_xlim()[1] < 3
    assert all(line.get_color() != REFERENCE for line in axes.get_lines())
