"""The gallery of the images that one model memorized most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.core.errors import ImprintError
from imprint.report.gallery import Album, Shown, place
from imprint.report.inputs import Picture, read_object


@dataclass(frozen=True)
class OneModelCard:
    """One memorized image.

    Attributes:
        fields: the card as ``gallery.json`` has it.
        image: the whole image.
        crop: the square that was seen.
        boxes: object boxes (x, y, width, height) in pixels of the embedded picture.
        rectangle: where the crop lies, likewise.
        neighbours: the public images most like the crop under the model.
    """

    fields: Mapping[str, Any]
    image: Shown
    crop: Shown
    boxes: tuple[tuple[float, ...], ...]
    rectangle: tuple[float, ...]
    neighbours: tuple[Shown, ...]


@dataclass(frozen=True)
class OneModelGallery:
    """All cards, strongest first, and the pictures they show."""

    cards: tuple[OneModelCard, ...]
    pictures: Mapping[str, Picture]


def read_one_model_gallery(folder: Path) -> OneModelGallery:
    """Return the gallery of a folder with ``gallery.json`` and its PNG files.

    Raises:
        ImprintError: a file or picture is missing or damaged.
    """
    album, path = Album(folder, "one-model"), folder / "gallery.json"
    try:
        cards = tuple(_card(album, fields) for fields in read_object(path)["cards"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise ImprintError(
            f"{path} is damaged ({type(error).__name__}: {error}): delete {folder} and run again"
        ) from error
    return OneModelGallery(cards, album.pictures)


def _card(album: Album, fields: Mapping[str, Any]) -> OneModelCard:
    label = str(fields["label"])
    image = album.show(fields["image"]["file"], label, label)
    scale = image.picture.width / float(fields["image"]["width"])
    checked = {
        "label": label,
        "name": str(fields["name"]),
        "index": int(fields["index"]),
        "rank": int(fields["rank"]),
        "strength": float(fields["strength"]),
        "prediction": str(fields["prediction"]),
        "confidence": float(fields["confidence"]),
        "references": [
            {
                "name": str(each["name"]).replace("_", " "),
                "prediction": str(each["prediction"]),
                "confidence": float(each["confidence"]),
            }
            for each in fields["references"]
        ],
    }
    return OneModelCard(
        checked,
        image,
        album.show(fields["crop"]["file"], label, label),
        tuple(place(box, scale) for box in fields["boxes"]),
        place(fields["crop"]["rectangle"], scale),
        tuple(
            album.show(neighbour["file"], str(neighbour["label"]), label)
            for neighbour in fields["neighbours"]
        ),
    )
