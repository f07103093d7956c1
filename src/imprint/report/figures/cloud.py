"""A word cloud: words the larger the more they weigh, those that matter in a colour of their own.

The library ``wordcloud`` places them; they are drawn here as outlines of one font, so that a cloud
looks the same in every browser and file, in the page's own colours.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure as MatplotlibFigure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

from imprint.report.drawing import WIDTH, canvas
from imprint.report.figures.panels import clean, colour, short
from imprint.report.marks import Colour, Figure

HEIGHT = 190.0
"""Of a cloud in plot units."""
FINER = 2
"""Words are placed on a grid so much finer than plot units."""
SMALLEST, LARGEST = 9, 40
"""Sizes of the letters in plot units."""
MAX_WORDS = 40


@dataclass(frozen=True)
class CloudWord:
    """A word with its weight, above 0."""

    text: str
    weight: float
    colour: Colour = "muted"


@dataclass(frozen=True)
class PlacedWord:
    """A word, the size of its letters, and where its baseline begins, in plot units from above."""

    text: str
    size: float
    x: float
    y: float


@dataclass(frozen=True, kw_only=True)
class Cloud(Figure):
    """A word cloud.

    Attributes:
        words: at least one; of more than 40 the heaviest.
        seed: of where words stand.
    """

    words: Sequence[CloudWord]
    seed: int = 0

    def paint(self) -> MatplotlibFigure:
        """Return the drawing in placeholder colours."""
        return paint_cloud(self)


def paint_cloud(figure: Cloud) -> MatplotlibFigure:
    """Return the drawing."""
    drawn, axes = canvas(HEIGHT, left=0, right=0, top=0, bottom=0)
    axes.set(xlim=(0, WIDTH), ylim=(HEIGHT, 0))
    axes.set_axis_off()
    weights, colours = _joined(figure.words)
    font = FontProperties(fname=str(font_file()))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        for word in place_words(weights, figure.seed):
            outline = TextPath((0, 0), word.text, size=word.size, prop=font)
            place = Affine2D().scale(1, -1).translate(word.x, word.y)
            shade = colour(colours[word.text])
            axes.add_patch(PathPatch(place.transform_path(outline), facecolor=shade, linewidth=0))
    return drawn


def place_words(weights: Mapping[str, float], seed: int) -> list[PlacedWord]:
    """Return where words stand, the heaviest first; a word that finds no place is left out.

    Args:
        weights: by word, above 0.
        seed: of the places.
    """
    from PIL import ImageFont
    from wordcloud import WordCloud

    layout = WordCloud(
        width=WIDTH * FINER,
        height=round(HEIGHT) * FINER,
        font_path=str(font_file()),
        prefer_horizontal=1.0,
        min_font_size=SMALLEST * FINER,
        max_font_size=LARGEST * FINER,
        max_words=MAX_WORDS,
        margin=7 * FINER,
        relative_scaling=0.4,
        random_state=seed,
    )
    # Equal weights in the order of the alphabet, whatever the order of the mapping.
    layout.generate_from_frequencies(dict(sorted(weights.items())))
    placed = []
    for (word, _), size, (top, left), _, _ in layout.layout_:
        # The library says where the corner of what is black lies; ``ls`` is seen from the baseline.
        black = ImageFont.truetype(str(font_file()), size).getbbox(word, anchor="ls")
        x, y = left - black[0], top - black[1]
        placed.append(PlacedWord(word, size / FINER, x / FINER, y / FINER))
    return placed


def font_file() -> Path:
    """Return the font of every cloud, which comes with Matplotlib."""
    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def _joined(words: Sequence[CloudWord]) -> tuple[dict[str, float], dict[str, Colour]]:
    """Return weights and colours by what is written; words that look alike count together."""
    weights: dict[str, float] = {}
    colours: dict[str, Colour] = {}
    for word in sorted(words, key=lambda each: (-each.weight, each.text)):
        text = short(clean(word.text)).strip()
        if text and word.weight > 0:
            weights[text] = weights.get(text, 0.0) + word.weight
            colours.setdefault(text, word.colour)
    return (weights, colours) if weights else ({"–": 1.0}, {"–": "muted"})
