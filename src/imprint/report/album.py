"""The gallery: single images, what the attacker saw of them, and whom they were taken for.

Every picture is embedded once, however many cards show it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.core.errors import ImprintError
from imprint.report.inputs import Picture, read_object, read_picture


@dataclass(frozen=True)
class Shown:
    """A picture as a card shows it.

    Attributes:
        anchor: id of the embedded picture.
        picture: the picture.
        label: name of its class.
        same: whether that is the class of the attacked image.
    """

    anchor: str
    picture: Picture
    label: str
    same: bool


@dataclass(frozen=True)
class Guess:
    """What one model made of the crop."""

    role: str
    prediction: str
    right: bool
    confidence: float
    neighbours: tuple[Shown, ...]


@dataclass(frozen=True)
class Card:
    """One attacked image.

    Attributes:
        fields: the card as ``gallery.json`` has it.
        image: the whole image.
        crop: the square the attacker saw.
        boxes: object boxes (x, y, width, height) in pixels of the embedded picture.
        rectangle: where the crop lies, likewise.
        guesses: of the target and of the reference.
        search: what the text filter looks through, in lower case.
    """

    fields: Mapping[str, Any]
    image: Shown
    crop: Shown
    boxes: tuple[tuple[float, ...], ...]
    rectangle: tuple[float, ...]
    guesses: tuple[Guess, Guess]
    search: str


@dataclass(frozen=True)
class Gallery:
    """All cards, the pictures they show, and what they can be filtered by."""

    cards: tuple[Card, ...]
    pictures: Mapping[str, Picture]
    categories: Mapping[str, int]
    sides: Mapping[str, int]
    labels: Mapping[str, int]


def read_gallery(folder: Path) -> Gallery:
    """Return the gallery of a folder with ``gallery.json`` and its PNG files.

    Raises:
        ImprintError: the file or a picture is missing or damaged.
    """
    album = Album(folder)
    path = folder / "gallery.json"
    try:
        cards = tuple(_card(fields, album) for fields in read_object(path)["cards"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise ImprintError(
            f"{path} is damaged ({type(error).__name__}: {error}): "
            f"delete {folder} and run the audit again"
        ) from error
    return Gallery(
        cards,
        album.pictures,
        *(
            dict(sorted(Counter(str(card.fields[key]) for card in cards).items()))
            for key in ("category", "side", "label")
        ),
    )


class Album:
    """The pictures of a gallery folder, each read once and numbered in order of appearance.

    Args:
        folder: where the PNG files are.
        prefix: of the anchors, unique on the page.
    """

    def __init__(self, folder: Path, prefix: str = "picture") -> None:
        self.folder = folder
        self.prefix = prefix
        self.pictures: dict[str, Picture] = {}
        self._anchors: dict[str, str] = {}

    def show(self, name: str, label: str, truth: str) -> Shown:
        """Return a picture of an image of class ``label``, beside one of class ``truth``.

        Raises:
            ImprintError: it is missing or damaged.
        """
        if name not in self._anchors:
            anchor = f"{self.prefix}-{len(self._anchors)}"
            self._anchors[name] = anchor
            self.pictures[anchor] = read_picture(self.folder, name)
        anchor = self._anchors[name]
        return Shown(anchor, self.pictures[anchor], label, label == truth)


def _card(fields: Mapping[str, Any], album: Album) -> Card:
    label = str(fields["label"])
    name, index = str(fields["name"]), int(fields["index"])
    image = album.show(fields["image"]["file"], label, label)
    scale = image.picture.width / float(fields["image"]["width"])
    return Card(
        fields={
            **fields,
            "strength": float(fields["strength"]),
            "target_confidence": float(fields["target_confidence"]),
        },
        image=image,
        crop=album.show(fields["crop"]["file"], label, label),
        boxes=tuple(place(box, scale) for box in fields["boxes"]),
        rectangle=place(fields["crop"]["rectangle"], scale),
        guesses=(_guess(fields, "target", album), _guess(fields, "reference", album)),
        search=f"{name} {label} {index}".lower(),
    )


def _guess(fields: Mapping[str, Any], role: str, album: Album) -> Guess:
    label, prediction = str(fields["label"]), str(fields[f"{role}_prediction"])
    return Guess(
        role,
        prediction,
        prediction == label,
        float(fields[f"{role}_confidence"]),
        tuple(
            album.show(neighbour["file"], str(neighbour["label"]), label)
            for neighbour in fields[f"{role}_neighbours"]
        ),
    )


def place(rectangle: Any, scale: float) -> tuple[float, ...]:
    """Return a rectangle (x0, y0, x1, y1) as (x, y, width, height), ``scale`` times as large."""
    x0, y0, x1, y1 = (scale * float(edge) for edge in rectangle)
    return tuple(round(value, 2) for value in (x0, y0, x1 - x0, y1 - y0))
