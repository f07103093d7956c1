"""The gallery of the records that are easiest to tell by their absence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.core.errors import ImprintError
from imprint.report.gallery import Album, Shown
from imprint.report.inputs import Picture, read_object

NUMBERS = ("kl", "auc", "leverage", "memorization")
FAR, UNEXPECTED = "far from the rest", "unexpected label"


@dataclass(frozen=True)
class MissedCard:
    """One record.

    Attributes:
        fields: the card as ``gallery.json`` has it.
        image: its picture.
        search: what the text filter looks through, in lower case.
    """

    fields: Mapping[str, Any]
    image: Shown
    search: str

    @property
    def reason(self) -> str:
        """What sets it apart."""
        return reason(self.fields["by_label"])


@dataclass(frozen=True)
class MissedGallery:
    """All cards, their pictures, and what they can be filtered by."""

    cards: tuple[MissedCard, ...]
    pictures: Mapping[str, Picture]
    labels: Mapping[str, int]
    reasons: Mapping[str, int]


def reason(by_label: bool) -> str:
    """Return what sets a record apart, in words."""
    return UNEXPECTED if by_label else FAR


def read_missed(folder: Path) -> MissedGallery | None:
    """Return the gallery of a folder, None where there is no such folder.

    Raises:
        ImprintError: a file or picture is missing or damaged.
    """
    if not folder.is_dir():
        return None
    album, path = Album(folder, "missed"), folder / "gallery.json"
    content = read_object(path)
    try:
        cards = tuple(_card(album, fields) for fields in content["cards"])
    except (KeyError, TypeError, ValueError) as error:
        raise ImprintError(
            f"{path} is damaged ({type(error).__name__}: {error}): delete {folder} and run again"
        ) from error
    labels = dict(sorted(Counter(str(card.fields["label"]) for card in cards).items()))
    return MissedGallery(cards, album.pictures, labels, Counter(card.reason for card in cards))


def _card(album: Album, fields: Mapping[str, Any]) -> MissedCard:
    label = str(fields["label"])
    checked = {
        "label": label,
        "name": str(fields["name"]),
        "by_label": bool(fields["by_label"]),
        "prediction_out": str(fields["prediction_out"]),
        **{name: int(fields[name]) for name in ("rank", "index", "copies")},
        **{name: float(fields[name]) for name in NUMBERS},
    }
    image = album.show(fields["image"]["file"], label, label)
    return MissedCard(checked, image, f"{checked['name']} {label} {checked['index']}".lower())
