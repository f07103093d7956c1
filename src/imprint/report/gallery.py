"""A gallery: cards with pictures, which a study step writes and the page shows.

A step chooses what to show and writes it with its PNG files (:func:`write_gallery`); the page reads
the folder again (:func:`read_gallery`), strictly, and draws every gallery with one template: the
pictures with what is marked on them, the words of the card, and a form that filters and sorts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from markupsafe import Markup

from imprint.core.errors import ImprintError
from imprint.report.inputs import Picture, read_picture
from imprint.report.prose import Text
from imprint.report.templating import render
from imprint.study.finding import read_finding, write_finding

FILE = "gallery.json"
MAX_CARDS, MAX_FACETS = 5000, 12
CHIPS = 6
"""Values of the first facet up to which each has a button of its own."""

Rectangle = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the whole image, x1 and y1 exclusive."""


@dataclass(frozen=True)
class CardPicture:
    """A picture on a card.

    Attributes:
        file: name of a PNG file beside ``gallery.json``.
        spoken: what it shows, for screen readers.
        caption: below it; lines are kept.
        width: of the whole image in pixels, which rectangles are in; 0 where there are none.
        boxes: outlined as objects.
        crop: outlined, dashed, as what was seen; None for nothing.
        ring: True for a ring, as of the right class; False for a faded picture; None for neither.
    """

    file: str
    spoken: str
    caption: str = ""
    width: int = 0
    boxes: tuple[Rectangle, ...] = ()
    crop: Rectangle | None = None
    ring: bool | None = None


@dataclass(frozen=True)
class Answer:
    """What a model made of the picture, and the pictures it rests on.

    Attributes:
        who: answered.
        text: the answer, such as the name of a class.
        right: whether it is right.
        detail: behind it, such as a confidence.
        reference: whether it is drawn in the colour of the reference, not of the target.
        pictures: beside it, small.
        pictures_are: what they are, for screen readers.
    """

    who: str
    text: str
    right: bool
    detail: str = ""
    reference: bool = False
    pictures: tuple[CardPicture, ...] = ()
    pictures_are: str = "Nearest public images"


@dataclass(frozen=True)
class Range:
    """A stretch of an axis, its ends in the units of the axis."""

    low: float
    high: float


@dataclass(frozen=True)
class RangeStrip:
    """An axis with what is reached on it and a gap.

    Attributes:
        axis: the whole.
        reached: drawn in the colour of the target.
        gap: drawn in the colour of the reference.
        spoken: what it shows, for screen readers.
    """

    axis: Range
    reached: Range
    gap: Range
    spoken: str

    def place(self, value: float) -> float:
        """Return where a value lies, in percent of the axis."""
        width = self.axis.high - self.axis.low
        return round(100 * min(1.0, max(0.0, (value - self.axis.low) / width if width else 0.0)), 2)


@dataclass(frozen=True)
class Line:
    """A line of words on a card.

    Attributes:
        text: what it says.
        bold: in front of it.
        pictures: below it, small.
    """

    text: str
    bold: str = ""
    pictures: tuple[CardPicture, ...] = ()


@dataclass(frozen=True)
class Card:
    """One card.

    Attributes:
        title: what it is about, such as the class of an image.
        name: a line below, such as name and index of the image.
        pictures: one, two, three, or a row of four.
        subtitle: small, behind the title.
        badge: in the corner.
        highlight: ``memorized`` or ``forgotten`` colours the badge.
        answers: of models.
        strip: below the name.
        lines: at the bottom.
        facets: what cards are filtered by → the value of this one.
        numbers: what cards are sorted by → the number of this one; the highest first.
    """

    title: str
    name: str
    pictures: tuple[CardPicture, ...]
    subtitle: str = ""
    badge: str = ""
    highlight: str = ""
    answers: tuple[Answer, ...] = ()
    strip: RangeStrip | None = None
    lines: tuple[Line, ...] = ()
    facets: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Cards:
    """The content of ``gallery.json``: cards in the order of the page."""

    cards: tuple[Card, ...]


def write_gallery(folder: Path, cards: Sequence[Card]) -> None:
    """Write cards as ``gallery.json`` into a folder that holds their pictures."""
    write_finding(folder / FILE, Cards(tuple(cards)))


def read_gallery(
    folder: Path,
    key: str,
    spoken: str,
    *,
    size: Literal["small", "medium", "large"] = "small",
    note: Text = "",
    nothing: str = "There are no pictures in this study.",
) -> Gallery | None:
    """Return the gallery in a folder; None where there is no such folder.

    Args:
        folder: holds ``gallery.json`` and the PNG files it names.
        key: prefix of ids, unique on the page.
        spoken: name of the filter form, such as ``"Filter the exposed images"``.
        size: how wide a card is.
        note: above the cards.
        nothing: in place of cards where there is none.

    Raises:
        ImprintError: a file or a picture is missing or damaged.
    """
    if not folder.is_dir():
        return None
    cards = read_finding(Cards, folder / FILE).cards
    most = max((max(len(card.facets), len(card.numbers)) for card in cards), default=0)
    if len(cards) > MAX_CARDS or most > MAX_FACETS:
        raise ImprintError(
            f"{folder / FILE} has {len(cards)} cards of up to {most} facets, which a page cannot "
            f"show (at most {MAX_CARDS} of {MAX_FACETS}): run the study again"
        )
    pictures: dict[str, Embedded] = {}
    for file in (picture.file for card in cards for picture in _pictures(card)):
        if file not in pictures:
            pictures[file] = Embedded(f"{key}-{len(pictures)}", read_picture(folder, file))
    return Gallery(key, cards, pictures, spoken, size, note, nothing)


def _pictures(card: Card) -> list[CardPicture]:
    return [
        *card.pictures,
        *(picture for answer in card.answers for picture in answer.pictures),
        *(picture for line in card.lines for picture in line.pictures),
    ]


@dataclass(frozen=True)
class Embedded:
    """A picture that the page holds once, and its id there."""

    anchor: str
    picture: Picture


@dataclass(frozen=True)
class Gallery:
    """Cards with their pictures by file, ready to be drawn; the rest as in :func:`read_gallery`."""

    key: str
    cards: tuple[Card, ...]
    pictures: Mapping[str, Embedded]
    spoken: str
    size: Literal["small", "medium", "large"]
    note: Text
    nothing: str

    @cached_property
    def facets(self) -> Mapping[str, Mapping[str, int]]:
        """What cards are filtered by → how many cards have each value, of two values or more."""
        counts = {
            name: dict(sorted(Counter(card.facets.get(name, "") for card in self.cards).items()))
            for name in self._facet_names
        }
        return {name: values for name, values in counts.items() if len(values) > 1}

    @cached_property
    def _facet_names(self) -> list[str]:
        return list(dict.fromkeys(name for card in self.cards for name in card.facets))[:MAX_FACETS]

    def field(self, facet: str) -> str:
        """Return the name of a facet in the form, whatever its title holds."""
        return f"f{self._facet_names.index(facet)}"

    @cached_property
    def numbers(self) -> list[str]:
        """What cards are sorted by."""
        return list(dict.fromkeys(name for card in self.cards for name in card.numbers))[
            :MAX_FACETS
        ]

    @property
    def with_buttons(self) -> str | None:
        """The facet whose values have a button each: the first, when it has few."""
        values = [(name, self.facets.get(name, {})) for name in self._facet_names[:1]]
        return next((name for name, counts in values if 1 < len(counts) <= CHIPS), None)

    def boxes(self, picture: CardPicture) -> list[tuple[float, ...]]:
        """Return the objects of a picture as (x, y, width, height) in pixels of its file."""
        scale = self._scale(picture)
        return [_place(box, scale) for box in picture.boxes]

    def crop(self, picture: CardPicture) -> tuple[float, ...] | None:
        """Return what was seen of a picture, likewise."""
        return None if picture.crop is None else _place(picture.crop, self._scale(picture))

    def _scale(self, picture: CardPicture) -> float:
        return self.pictures[picture.file].picture.width / (picture.width or 1)

    def html(self) -> Markup:
        """Return the gallery for the page."""
        return Markup(render("cards.html.j2", gallery=self))


def _place(rectangle: Rectangle, scale: float) -> tuple[float, ...]:
    """Return (x0, y0, x1, y1) as (x, y, width, height), ``scale`` times as large."""
    x0, y0, x1, y1 = (scale * edge for edge in rectangle)
    return tuple(round(value, 2) for value in (x0, y0, x1 - x0, y1 - y0))
