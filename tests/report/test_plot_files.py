from pathlib import Path

import pytest
from matplotlib.colors import to_hex
from PIL import Image

from imprint.report.drawing import PLACEHOLDERS, REFERENCE, TARGET, canvas, svg
from imprint.report.plot_files import DAY, plots_as_files, recolour


def test_every_colour_is_exchanged_and_its_strength_kept() -> None:
    figure, axes = canvas(100, left=20, right=10, top=10, bottom=20)
    bars = axes.bar([0, 1], [1, 2], color=[TARGET, REFERENCE], alpha=0.35)
    line = axes.plot([0, 1], [0, 1], color=TARGET)[0]
    recolour(figure, PLACEHOLDERS)
    assert [to_hex(bar.get_facecolor()) for bar in bars] == [DAY["target"], DAY["reference"]]
    assert bars[0].get_facecolor()[3] == pytest.approx(0.35)
    assert to_hex(line.get_color()) == DAY["target"]


def test_plots_are_written_only_where_it_was_asked_for(tmp_path: Path) -> None:
    figure, _ = canvas(100, left=20, right=10, top=10, bottom=20)
    svg(figure, "first", "words")
    with plots_as_files(tmp_path):
        svg(figure, "second", "words")
    svg(figure, "third", "words")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["second.png", "second.svg"]
    with Image.open(tmp_path / "second.png") as image:
        assert image.size == (1111, 277)  # 400 × 100 units of 1/72 inch at 200 dots an inch
