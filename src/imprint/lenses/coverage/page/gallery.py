"""The gallery of ranges that tests never reach, with training images that do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.core.errors import ImprintError
from imprint.report.gallery import Album, Shown
from imprint.report.inputs import Picture, read_object


@dataclass(frozen=True)
class GapCard:
    """One range of one neuron.

    Attributes:
        fields: the card as ``gallery.json`` has it.
        shown: (picture, index, activation) of training images in the range.
        strip: where the range and the reach of the tests lie, in percent of the training range.
    """

    fields: Mapping[str, Any]
    shown: tuple[tuple[Shown, int, float], ...]
    strip: Mapping[str, float]


@dataclass(frozen=True)
class GapGallery:
    """All cards and their pictures."""

    cards: tuple[GapCard, ...]
    pictures: Mapping[str, Picture]


def read_gaps(folder: Path) -> GapGallery | None:
    """Return the gallery of a folder, None where there is no such folder or no card.

    Raises:
        ImprintError: a file or picture is missing or damaged.
    """
    if not folder.is_dir():
        return None
    album, path = Album(folder, "gap"), folder / "gallery.json"
    content = read_object(path)
    try:
        cards = tuple(_card(album, fields) for fields in content["cards"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise ImprintError(
            f"{path} is damaged ({type(error).__name__}: {error}): delete {folder} and run again"
        ) from error
    return GapGallery(cards, album.pictures) if cards else None


def _card(album: Album, fields: Mapping[str, Any]) -> GapCard:
    low, high = (float(end) for end in fields["training"])

    def place(value: Any) -> float:
        return round(100 * min(1.0, max(0.0, (float(value) - low) / (high - low))), 2)

    first, last = fields["tests"]
    strip = {
        "low": place(fields["low"]),
        "high": place(fields["high"]),
        "first": place(first),
        "last": place(last),
    }
    shown = tuple(
        (
            album.show(one["image"]["file"], str(one["label"]), str(one["label"])),
            int(one["index"]),
            float(one["value"]),
        )
        for one in fields["examples"]
    )
    checked = {
        "layer": str(fields["layer"]),
        "neuron": int(fields["neuron"]),
        "images": int(fields["images"]),
        **{name: float(fields[name]) for name in ("low", "high", "share")},
        "training": (low, high),
        "tests": (float(first), float(last)),
    }
    return GapCard(checked, shown, strip)
