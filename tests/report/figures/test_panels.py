import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imprint.report.drawing import INK, canvas
from imprint.report.figure import Axis
from imprint.report.figures.panels import (
    Entry,
    draw_legend,
    left_margin,
    legend_rows,
    name_ends,
    set_ticks,
    short,
    spread,
)
from imprint.report.wording import count, short_percent


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8))
def test_labels_are_spread_in_order(places: list[float]) -> None:
    moved = spread(places, 0.5, -10, 10)
    order = np.argsort(places, kind="stable")
    assert np.all(np.diff(np.array(moved)[order]) >= 0.5 - 1e-6)


def test_two_near_labels_move_apart_alike_and_far_ones_stay() -> None:
    assert spread([0.5, 0.5], 0.2, 0, 1) == [0.4, 0.6]
    assert spread([0.1, 0.9], 0.2, 0, 1) == [0.1, 0.9]
    assert spread([], 0.2, 0, 1) == []


def test_a_legend_is_broken_into_rows_that_fit() -> None:
    entries = [Entry("a" * 10, INK), Entry("b" * 10, INK), Entry("c" * 10, INK)]
    rows = legend_rows(entries, 2.2 * entries[0].width)
    assert [[entry.name[0] for entry in row] for row in rows] == [["a", "b"], ["c"]]
    assert legend_rows([], 100) == []


def test_a_legend_shows_line_marker_and_square() -> None:
    _, axes = canvas(200, left=50, right=10, top=40, bottom=40)
    draw_legend(
        axes, [[Entry("line", INK, "dashed"), Entry("dots", INK, None, "o")], [Entry("x", INK)]]
    )
    line, dots = axes.get_lines()
    assert line.get_linestyle() == "--"
    assert (dots.get_marker(), len(dots.get_xdata())) == ("o", 1)
    assert [text.get_text() for text in axes.texts] == ["line", "dots", "■", "x"]


def test_names_at_the_end_do_not_meet() -> None:
    _, axes = canvas(200, left=50, right=90, top=10, bottom=40)
    axes.set_ylim(0, 1)
    name_ends(axes, [("one", 0.5, INK), ("two", 0.5, INK)])
    heights = [text.xy[1] for text in axes.texts]  # type: ignore[attr-defined]
    assert heights[1] - heights[0] == pytest.approx(15 / axes.bbox.height)
    assert sum(heights) == pytest.approx(1)


@pytest.mark.parametrize(
    ("axis", "limits", "labels"),
    [
        (Axis("a", short_percent), (0, 1), ["0%", "20%", "40%", "60%", "80%", "100%"]),
        (Axis("a", count, whole=True), (0, 3), ["0", "1", "2", "3"]),
        (Axis("a", ticks=[(1, "one"), (2, "two")]), (0, 3), ["one", "two"]),
    ],
)
def test_ticks_are_written_by_the_axis(
    axis: Axis, limits: tuple[float, float], labels: list[str]
) -> None:
    _, axes = canvas(200, left=50, right=10, top=10, bottom=40)
    axes.set_xlim(*limits)
    set_ticks(axes.xaxis, axis)
    places = [place for place in axes.xaxis.get_majorticklocs() if limits[0] <= place <= limits[1]]
    assert axes.xaxis.get_major_formatter().format_ticks(places) == labels


def test_names_are_shortened_and_cleaned() -> None:
    assert short("a\nb\x00c") == "a bc"
    assert short("x" * 30, 10) == "x" * 9 + "…"
    assert left_margin(["ab", "abcd"]) == pytest.approx(16 + 4 * 6.3)
    assert left_margin(["abcd", "WISd"]) == pytest.approx(16 + 3 * 8.2 + 6.3)
