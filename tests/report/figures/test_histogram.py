import numpy as np

from imprint.report.drawing import MUTED, REFERENCE, TARGET
from imprint.report.figure import Axis, Histogram, Level
from imprint.report.figures.histogram import paint_histogram
from imprint.report.wording import count


def figure(**options: object) -> Histogram:
    settings = {"edges": [0, 1, 2, 3], "up": [4, 0, 2]} | options
    return Histogram(
        name="h", title="T", caption="C", description="D", x=Axis("nats"),
        y=Axis("images", count, log=bool(settings.pop("log", False))), **settings,
    )  # type: ignore[arg-type]  # fmt: skip


def heights(histogram: Histogram) -> list[float]:
    bars = paint_histogram(histogram).axes[0].patches
    return [float(bar.get_height()) for bar in bars]  # type: ignore[attr-defined]


def test_counts_stand_upwards_and_downwards() -> None:
    both = figure(down=[1, 3, 0], notes=("6 memorized", "4 forgotten"))
    assert heights(both) == [4, 0, 2, -1, -3, 0]
    axes = paint_histogram(both).axes[0]
    assert [text.get_text() for text in axes.texts] == ["6 memorized", "4 forgotten"]
    low, high = axes.get_ylim()
    assert low < -3
    assert high > 4
    assert axes.patches[3].get_facecolor()[:3] == tuple(
        int(REFERENCE[place : place + 2], 16) / 255 for place in (1, 3, 5)
    )


def test_bins_below_a_value_are_muted() -> None:
    bars = paint_histogram(figure(muted_below=1.0)).axes[0].patches
    shades = [tuple(bar.get_facecolor()) for bar in bars]
    assert shades[1] == shades[2] != shades[0]
    assert MUTED != TARGET


def test_a_cut_is_drawn_inside_the_axis_alone() -> None:
    inside = paint_histogram(figure(cut=Level(1.5, label="median 1.5"))).axes[0]
    assert [line.get_xdata() for line in inside.get_lines()] == [[1.5, 1.5]]
    assert inside.texts[0].get_text() == "median 1.5"
    outside = paint_histogram(figure(cut=Level(9.0, label="median 9"))).axes[0]
    assert not outside.get_lines()


def test_counts_may_be_logarithmic_and_all_zero() -> None:
    axes = paint_histogram(figure(log=True)).axes[0]
    assert (axes.get_yscale(), axes.get_ylim()[0]) == ("log", 0.7)
    assert "<svg" in figure(up=[0, 0, 0], down=[0, 0, 0]).svg()
    assert np.isfinite(paint_histogram(figure(up=[0, 0, 0])).axes[0].get_ylim()).all()


def test_notes_stay_on_their_side_of_zero_however_few_are_there() -> None:
    for up, down in (([250, 90, 40], [1, 0, 0]), ([0, 1, 0], [90, 40, 250])):
        drawn = paint_histogram(figure(up=up, down=down, notes=("380 memorized", "1 forgotten")))
        drawn.draw_without_rendering()
        axes = drawn.axes[0]
        zero = axes.transData.transform((0, 0))[1]
        upper, lower = (text.get_window_extent() for text in axes.texts)
        assert upper.ymin > zero
        assert lower.ymax < zero
