from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes

from imprint.core.missing import Missing
from imprint.report.drawing import PLACEHOLDERS, REFERENCE, TARGET
from imprint.report.figure import Area, Axis, Key, Label, Level, Lines, Series, estimates
from imprint.report.figures.lines import paint_lines
from imprint.report.wording import short_percent
from imprint.stats.estimate import Estimate

PLOT = Lines(
    name="plot", title="Title", caption="Caption.", description="A rises to 40%.",
    x=Axis("epoch", low=0, high=4), y=Axis("accuracy", short_percent, low=0, high=1),
    series=[Series("a", [1, 2, 3], [0.1, 0.2, 0.4]), Series("b", [1, 2, 3], [0.3, np.nan, 0.5])],
)  # fmt: skip


def panel(figure: Lines, number: int = 0) -> Axes:
    return paint_lines(figure).axes[number]


def texts(figure: Lines) -> list[str]:
    return [text.get_text() for text in panel(figure).texts]


def test_points_are_drawn_where_they_are_and_gaps_left_out() -> None:
    first, second = panel(PLOT).get_lines()[:2]
    assert np.array_equal(np.asarray(first.get_xydata()), [[1, 0.1], [2, 0.2], [3, 0.4]])
    assert np.array_equal(np.asarray(second.get_xydata()), [[1, 0.3], [3, 0.5]])
    assert (first.get_color(), second.get_color()) == (TARGET, REFERENCE)


def test_axes_are_named_and_limited() -> None:
    axes = panel(PLOT)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "accuracy")
    assert (axes.get_xlim(), axes.get_ylim()) == ((0, 4), (0, 1))


def test_limits_hold_intervals_and_levels_with_room() -> None:
    wide = Series("a", [1, 2], [0.4, 0.5], [0.2, 0.3], [0.6, 0.7])
    low, high = panel(
        replace(PLOT, y=Axis("y"), series=[wide], levels=[Level(0.1, "guessing")])
    ).get_ylim()
    assert (low, high) == pytest.approx((0.1 - 0.07 * 0.6, 0.7 + 0.07 * 0.6))


def test_whiskers_are_drawn_at_estimates_alone() -> None:
    series = estimates("a", [1, 2, 4], [Estimate(0.5, (0.4, 0.6), 9), Missing("few"), None])
    whiskers = panel(replace(PLOT, series=[series])).collections[0]
    assert np.allclose(whiskers.get_segments(), [[[1, 0.4], [1, 0.6]]])  # type: ignore[attr-defined]


@pytest.mark.parametrize("legend", ["above", "ends"])
def test_every_series_and_level_is_named_once(legend: str) -> None:
    figure = replace(PLOT, levels=[Level(0.5, "guessing")], legend=legend)  # type: ignore[arg-type]
    assert sorted(text for text in texts(figure) if text != "■") == ["a", "b", "guessing"]


def test_a_legend_of_keys_stands_in_place_of_the_series() -> None:
    assert texts(replace(PLOT, keys=[Key("saw them", "target"), Key("10%", dash="dashed")])) == [
        "■", "saw them", "10%",
    ]  # fmt: skip
    assert texts(replace(PLOT, legend="none")) == []


def test_a_colour_of_its_own_is_solid_and_takes_none_from_the_others() -> None:
    own = Series("own", [1, 2], [0.1, 0.1], colour="ink")
    lines = panel(replace(PLOT, series=[own, *PLOT.series], legend="none")).get_lines()
    assert [line.get_color() for line in lines] == [PLACEHOLDERS["ink"], TARGET, REFERENCE]
    assert lines[0].get_linestyle() == "-"


def test_areas_reach_the_edge_of_the_panel() -> None:
    area = Area([1, 3], [0.5, 0.8], np.inf, colour="muted")
    shaded = panel(replace(PLOT, areas=[area])).collections[0]
    points = shaded.get_paths()[0].vertices
    assert points[:, 1].max() == 1.0
    assert {(1.0, 0.5), (3.0, 0.8)} <= {tuple(point) for point in points.tolist()}


def test_points_at_one_place_are_moved_apart_evenly() -> None:
    series = [Series(name, [1, 2], [0, 1]) for name in "abc"]
    lines = panel(replace(PLOT, series=series, apart=True, legend="none")).get_lines()
    first = [float(np.asarray(line.get_xdata())[0]) for line in lines]
    assert first == pytest.approx([1 - 4 * 0.012, 1, 1 + 4 * 0.012])


def test_logarithmic_axes_leave_out_what_is_not_positive_from_their_limits() -> None:
    figure = replace(
        PLOT, x=Axis("x", log=True), y=Axis("y", log=True),
        series=[Series("a", [0.001, 1], [0.0, 10])],
    )  # fmt: skip
    axes = panel(figure)
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert axes.get_ylim()[0] > 0


def test_a_second_panel_shares_the_first_axis() -> None:
    below = replace(PLOT, y=Axis("gap"), series=PLOT.series[:1], legend="ends")
    figure = replace(PLOT, below=below, legend="ends")
    upper, lower = paint_lines(figure).axes
    assert (upper.get_xlabel(), lower.get_xlabel()) == ("", "epoch")
    assert upper.get_position().y0 > lower.get_position().y1
    assert upper.get_position().x1 == lower.get_position().x1


def test_labels_and_vertical_levels_are_written() -> None:
    figure = replace(
        PLOT, labels=[Label(2, 0.2, "20 now")], legend="none",
        levels=[Level(2, vertical=True, label="median 2"), Level(1, label="most")],
    )  # fmt: skip
    assert sorted(texts(figure)) == ["20 now", "median 2", "most"]


def test_scatter_has_markers_and_no_line() -> None:
    points = Series("a", [1, 2], [0.1, 0.2], line="none", marker="triangle", faint=True)
    line = panel(replace(PLOT, series=[points], legend="none")).get_lines()[0]
    assert (line.get_marker(), line.get_linestyle(), line.get_alpha()) == ("^", "None", 0.65)


def test_one_point_and_no_point_are_drawn() -> None:
    for series in ([Series("a", [1.0], [0.5])], [Series("a", [], [])], []):
        assert "<svg" in replace(PLOT, series=series, x=Axis("x"), y=Axis("y")).svg()


def test_names_below_the_axis_are_turned_where_they_would_meet() -> None:
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship"]
    few, many = (
        replace(PLOT, x=Axis("class", ticks=list(enumerate(names[:count])))) for count in (3, 9)
    )
    angles = [panel(figure).get_xticklabels()[0].get_rotation() for figure in (few, many)]
    assert angles == [0, 40]
    heights = [paint_lines(figure).get_figheight() for figure in (few, many)]
    assert heights[0] < heights[1]


def test_names_beside_the_axis_get_the_room_they_need() -> None:
    named = replace(PLOT, y=Axis("class", ticks=[(0, "automobile"), (1, "airplane")]))
    assert panel(named).get_position().x0 > panel(PLOT).get_position().x0
