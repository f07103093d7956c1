import numpy as np
import pytest

from imprint.report.drawing import MUTED, TARGET
from imprint.report.figure import Axis, Box, Boxes, BoxGroup, Level
from imprint.report.figures.boxes import paint_boxes
from imprint.stats.five_numbers import FiveNumbers


def figure(*groups: BoxGroup, mark: str = "", level: Level | None = None) -> Boxes:
    return Boxes(
        name="b", title="T", caption="C", description="D", x="neurons", y=Axis("drop"),
        groups=groups, mark=mark, level=level,
    )  # fmt: skip


def test_boxes_end_at_the_quartiles_and_whiskers_at_the_ends() -> None:
    box = Box("lrp", FiveNumbers(1, 2, 4, 5, 9), mark=7.0)
    axes = paint_boxes(figure(BoxGroup("6", [box]))).axes[0]
    (bar,) = axes.patches
    assert (bar.get_y(), bar.get_height()) == (2, 3)  # type: ignore[attr-defined]
    assert bar.get_x() + bar.get_width() / 2 == pytest.approx(0)  # type: ignore[attr-defined]
    heights = [np.asarray(line.get_ydata()).tolist() for line in axes.get_lines()]
    assert heights == [[1, 2], [5, 9], [4, 4], [7.0]]
    low, high = axes.get_ylim()
    assert (low < 1, high > 9) == (True, True)


def test_boxes_of_a_group_stand_beside_each_other_about_its_place() -> None:
    boxes = [Box(name, FiveNumbers(0, 1, 2, 3, 4)) for name in ("a", "b", "c")]
    axes = paint_boxes(figure(BoxGroup("6", boxes), BoxGroup("8", boxes[:1]))).axes[0]
    middles = [bar.get_x() + bar.get_width() / 2 for bar in axes.patches]  # type: ignore[attr-defined]
    assert middles == pytest.approx([-0.2, 0, 0.2, 1])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["6", "8"]


def test_a_legend_names_each_kind_of_box_once_and_the_marks() -> None:
    numbers = FiveNumbers(0, 1, 2, 3, 4)
    groups = [
        BoxGroup(name, [Box("leading", numbers), Box("random", numbers, colour="muted")])
        for name in ("6", "8")
    ]
    axes = paint_boxes(figure(*groups, mark="on all tests")).axes[0]
    words = [text.get_text() for text in axes.texts if text.get_text() != "\u25a0"]
    assert words == ["leading", "random", "on all tests"]
    colours = {line.get_color() for line in axes.get_lines()}
    assert {TARGET, MUTED} <= colours


def test_a_level_and_a_mark_are_in_sight() -> None:
    box = Box("a", FiveNumbers(1, 1, 1, 1, 1), mark=3)
    axes = paint_boxes(figure(BoxGroup("6", [box]), level=Level(-2.0))).axes[0]
    low, high = axes.get_ylim()
    assert low < -2
    assert high > 3


def test_long_names_of_groups_are_slanted_and_have_room() -> None:
    numbers = FiveNumbers(0, 1, 2, 3, 4)
    names = ["guided backpropagation", "gradient times activation", "layer conductance", "lrp"]
    drawn = paint_boxes(figure(*(BoxGroup(name, [Box("", numbers)]) for name in names)))
    (axes,) = drawn.axes
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {35}
    plain = paint_boxes(figure(BoxGroup("6", [Box("", numbers)])))
    assert drawn.get_figheight() > plain.get_figheight()
