import numpy as np

from imprint.report.drawing import MUTED, RULE, TARGET
from imprint.report.figure import Upset
from imprint.report.figures.upset import paint_upset
from imprint.report.wording import count


def test_bars_stand_over_the_dots_of_their_sets() -> None:
    figure = Upset(
        name="u", title="T", caption="C", description="D", names=["lira = rmia", "loss"],
        sizes=["5", "3"], columns=[((True, True), 3.0), ((True, False), 2.0)], write=count,
    )  # fmt: skip
    bars, dots = paint_upset(figure).axes
    assert [bar.get_height() for bar in bars.patches] == [3.0, 2.0]  # type: ignore[attr-defined]
    assert [text.get_text() for text in bars.texts] == ["3", "2"]
    assert [tick.get_text() for tick in dots.get_yticklabels()] == ["lira\n= rmia", "loss"]
    assert [text.get_text() for text in dots.texts] == ["5", "3"]
    lit = [(line.get_color(), np.asarray(line.get_xdata()).tolist()) for line in dots.get_lines()]
    assert lit == [(RULE, []), (TARGET, [0, 0]), (RULE, [1]), (MUTED, [1])]
