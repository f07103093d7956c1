import re
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest

from imprint.report.figure import (
    Axis,
    Bar,
    Bars,
    Figure,
    Histogram,
    Interval,
    IntervalGroup,
    Intervals,
    Lines,
    Matrix,
    Series,
    StackedBars,
    Upset,
)
from imprint.report.plot_files import plots_as_files

HOSTILE = "<script>alert(1)</script>"
WORDS: dict[str, Any] = {
    "name": "plot-1",
    "title": "Title",
    "caption": "Caption.",
    "description": "From 10% to 61%.",
}


def figures(**words: Any) -> list[Figure]:
    shared = WORDS | words
    axis = Axis("axis")
    return [
        Lines(x=axis, y=axis, series=[Series("a", [1, 2], [0.1, 0.61])], **shared),
        Bars(axis=axis, bars=[Bar("a", 0.5, text="50%")], **shared),
        StackedBars(
            bars={"all": [0.4, 0.6]}, categories=[("a", "target"), ("b", "rule")], **shared
        ),
        Intervals(axis=axis, groups=[IntervalGroup([Interval("a", 0.5, 0.4, 0.6)])], **shared),
        Histogram(x=axis, y=axis, edges=[0, 1, 2], up=[1, 2], **shared),
        Matrix(names=["a", "b"], values=np.eye(2), **shared),
        Upset(names=["a", "b"], sizes=["1", "1"], columns=[((True, True), 1)], **shared),
    ]  # fmt: skip


@pytest.mark.parametrize("figure", figures(), ids=lambda figure: type(figure).__name__)
def test_every_kind_is_spoken_and_in_the_colours_of_the_page(figure: Figure) -> None:
    html = figure.html()
    assert 'role="img"' in html
    assert 'aria-label="From 10% to 61%."' in html
    assert html.startswith("<figure><h3>Title</h3>")
    assert html.endswith("<figcaption>Caption.</figcaption></figure>")
    assert "var(--" in html
    assert not re.search(r"#0000[0-9a-f]{2}", html)
    assert not re.search(r"(stroke|fill): #(?!ffffff)", html)


@pytest.mark.parametrize("number", range(7))
def test_the_same_figure_gives_the_same_bytes_whatever_the_user_s_settings(number: int) -> None:
    first = figures()[number].html()
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "lines.linewidth": 9}):
        assert figures()[number].html() == first


@pytest.mark.parametrize(
    "figure", figures(title=HOSTILE, caption=HOSTILE, description=HOSTILE + '"'),
    ids=lambda figure: type(figure).__name__,
)  # fmt: skip
def test_hostile_words_are_escaped(figure: Figure) -> None:
    html = figure.html()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 3


@pytest.mark.parametrize("figure", figures(), ids=lambda figure: type(figure).__name__)
def test_a_plot_is_in_colours_of_its_own(figure: Figure, tmp_path: Path) -> None:
    drawn = figure.plot()
    drawn.savefig(tmp_path / "plot.svg")
    assert not re.search(r"#0000[0-9a-f]{2}", (tmp_path / "plot.svg").read_text())


def test_plots_are_written_as_files_under_their_name(tmp_path: Path) -> None:
    with plots_as_files(tmp_path):
        figures()[0].svg()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["plot-1.png", "plot-1.svg"]
    assert "#0b68a8" in (tmp_path / "plot-1.svg").read_text()
