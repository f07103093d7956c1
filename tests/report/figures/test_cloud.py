import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from imprint.report.drawing import WIDTH
from imprint.report.figures.cloud import HEIGHT, Cloud, CloudWord, font_file, place_words

WEIGHTS = {f"word {number}": 20.0 - number for number in range(15)}


def inked(word):
    """Return which cells of a grid twice as fine as plot units a word covers."""
    grid = Image.new("1", (2 * WIDTH, 2 * round(HEIGHT)))
    font = ImageFont.truetype(str(font_file()), round(2 * word.size))
    ImageDraw.Draw(grid).text((2 * word.x, 2 * word.y), word.text, 1, font, anchor="ls")
    return np.array(grid)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_words_lie_inside_the_cloud_and_do_not_overlap(seed):
    placed = place_words(WEIGHTS, seed)
    assert len(placed) == len(WEIGHTS)
    cells = np.array([inked(word) for word in placed])
    assert cells.sum(axis=0).max() == 1
    for word, covered in zip(placed, cells, strict=True):
        font = ImageFont.truetype(str(font_file()), round(2 * word.size))
        elsewhere = Image.new("1", (2 * WIDTH, 2 * round(HEIGHT)))
        ImageDraw.Draw(elsewhere).text((100, 200), word.text, 1, font, anchor="ls")
        assert abs(int(covered.sum()) - int(np.array(elsewhere).sum())) <= 0.02 * covered.sum()


def test_heavier_words_are_not_smaller():
    sizes = [word.size for word in place_words(WEIGHTS, 0)]
    assert sizes == sorted(sizes, reverse=True)
    assert [word.text for word in place_words(WEIGHTS, 0)] == list(WEIGHTS)


def test_a_seed_gives_the_same_cloud_whatever_the_order_of_the_words():
    turned = dict(reversed(WEIGHTS.items()))
    assert place_words(WEIGHTS, 5) == place_words(turned, 5) != place_words(WEIGHTS, 6)


def cloud(*texts):
    return Cloud(
        name="c",
        title="c",
        caption="c",
        description="d",
        words=[CloudWord(text, 1.0, "target") for text in texts],
    )


@pytest.mark.parametrize(
    "texts", [("a", "b" * 300, "水 ‮", "$\\frac{1}{2}$", "<script>"), ("\x00",), ("",)]
)
def test_any_words_are_drawn_as_outlines(texts):
    drawing = str(cloud(*texts).html())
    assert drawing == str(cloud(*texts).html())
    assert "<script" not in drawing
    assert "<text" not in drawing
    assert "var(--" in drawing
