import re

import pytest

from imprint.report.drawing import TARGET, WIDTH, canvas, panel, style, svg


def test_a_panel_lies_inside_its_margins() -> None:
    figure, axes = canvas(200, left=40, right=60, top=10, bottom=30)
    box = axes.get_position()
    assert (box.x0, box.x1) == pytest.approx((40 / WIDTH, 1 - 60 / WIDTH))
    assert (box.y0, box.y1) == pytest.approx((30 / 200, 1 - 10 / 200))
    assert len(panel(figure, 0, 0, 0, 100).figure.axes) == 2


def test_ids_of_two_plots_do_not_meet() -> None:
    drawn = []
    for name in ("one", "two"):
        with style():
            figure, axes = canvas(100, left=20, right=10, top=10, bottom=20)
            axes.plot([0, 1], [0, 1], color=TARGET)
            drawn.append(svg(figure, name, "A line."))
    ids = [set(re.findall(r' id="([^"]*)"', each)) for each in drawn]
    assert ids[0]
    assert not ids[0] & ids[1]
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', drawn[0]))
    assert used <= ids[0]


def test_text_stays_text_and_the_description_is_escaped() -> None:
    with style():
        figure, axes = canvas(100, left=20, right=10, top=10, bottom=20)
        axes.set_xlabel("epoch <1>")
        drawn = svg(figure, "plot", 'A "line" <b>')
    assert "epoch &lt;1&gt;</text>" in drawn
    assert 'aria-label="A &quot;line&quot; &lt;b&gt;"' in drawn
    assert f'viewBox="0 0 {WIDTH} 100"' in drawn
