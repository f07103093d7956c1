import numpy as np
import pytest

from imprint.report.figure import Axis, Bar, Bars, Level, StackedBars
from imprint.report.figures.bars import paint_bars, paint_stacked_bars
from imprint.report.wording import points, short_points

BARS = Bars(
    name="bars", title="T", caption="C", description="D", axis=Axis("gap", short_points),
    bars=[Bar("cat", 0.3, text="+30.0"), Bar("dog", -0.1, text="−10.0", colour="reference")],
)  # fmt: skip


def test_bars_start_at_zero_and_are_labelled_beyond_their_end() -> None:
    axes = paint_bars(BARS).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.3, -0.1]  # type: ignore[attr-defined]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["cat", "dog"]
    assert [(text.get_text(), text.get_ha()) for text in axes.texts] == [
        ("+30.0", "left"), ("−10.0", "right"),
    ]  # fmt: skip
    assert axes.get_xlim()[0] < -0.1


def test_a_gap_moves_the_bars_below_it() -> None:
    figure = Bars(**{**vars(BARS), "gap": (1, "… 7 classes between …")})
    axes = paint_bars(figure).axes[0]
    assert axes.get_yticks().tolist() == [0, 2]
    assert "… 7 classes between …" in [text.get_text() for text in axes.texts]


def test_a_level_is_in_sight_and_words_stand_behind_it() -> None:
    bars = [Bar("long", 3.0, text="three"), Bar("short", 0.2, text="little")]
    level = Level(1.3, label="limit")
    axes = paint_bars(Bars(**{**vars(BARS), "bars": bars, "level": level})).axes[0]
    places = {text.get_text(): text.xy for text in axes.texts}  # type: ignore[attr-defined]
    assert places == {"three": (3.0, 0.0), "little": (1.3, 1.0), "limit": (1.3, 1.0)}
    assert [np.asarray(line.get_xdata()).tolist() for line in axes.get_lines()] == [[1.3, 1.3]]
    far = Bars(**{**vars(BARS), "bars": bars[1:], "level": Level(9.0)})
    assert paint_bars(far).axes[0].get_xlim()[1] > 9


def test_faint_bars_show_dot_and_interval() -> None:
    bar = Bar("IDC", 0.5, 0.4, 0.6, "50.0%")
    axes = paint_bars(Bars(**{**vars(BARS), "bars": [bar], "faint": True})).axes[0]
    assert np.allclose(axes.collections[0].get_segments(), [[[0.4, 0], [0.6, 0]]])  # type: ignore[attr-defined]
    assert axes.get_lines()[0].get_xdata() == [0.5]


def test_every_share_is_written_in_or_below_its_part() -> None:
    figure = StackedBars(
        name="s", title="T", caption="C", description="D",
        bars={"all": [0.05, 0.02, 0.33, 0.6]},
        categories=[
            ("memorized", "memorized"), ("forgotten", "forgotten"),
            ("correlated", "correlated"), ("neither", "unassociated"),
        ],
    )  # fmt: skip
    axes = paint_stacked_bars(figure).axes[0]
    widths = [bar.get_width() for bar in axes.patches]  # type: ignore[attr-defined]
    assert widths == pytest.approx([0.05, 0.02, 0.33, 0.6])
    places = {text.get_text(): text.get_position() for text in axes.texts}
    assert {"5.0%", "2.0%", "33.0%", "60.0%", "memorized", "neither"} <= set(places)
    assert places["33.0%"] == pytest.approx((0.07 + 0.165, 0))
    assert places["5.0%"][1] == places["2.0%"][1] == 0.33


def test_hostile_names_are_drawn_as_they_are() -> None:
    bars = [Bar("$x^2 <b>&amp;\x00", 0.1, text=points(0.1))]
    svg = Bars(**{**vars(BARS), "bars": bars}).svg()
    assert "$x^2 &lt;b&gt;&amp;amp;" in svg
    assert "\x00" not in svg
