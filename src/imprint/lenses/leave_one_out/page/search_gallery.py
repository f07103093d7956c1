"""The gallery of reconstructions: the record, where its search started, what it found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.core.errors import ImprintError
from imprint.report.gallery import Album, Shown
from imprint.report.inputs import Picture, read_object


@dataclass(frozen=True)
class SearchCard:
    """One removed record.

    Attributes:
        fields: the card as ``gallery.json`` has it.
        image: the record.
        start: where the search started.
        query: what it found, scaled.
        search: what the text filter looks through, in lower case.
    """

    fields: Mapping[str, Any]
    image: Shown
    start: Shown
    query: Shown
    search: str


@dataclass(frozen=True)
class SearchGallery:
    """All cards, their pictures, and what they can be filtered by."""

    cards: tuple[SearchCard, ...]
    pictures: Mapping[str, Picture]
    labels: Mapping[str, int]
    outcomes: Mapping[str, int]


def read_searches(folder: Path) -> SearchGallery | None:
    """Return the gallery of a folder, None where it has no cards.

    Raises:
        ImprintError: a file or picture is missing or damaged.
    """
    path, album = folder / "gallery.json", Album(folder, "search")
    content = read_object(path)
    try:
        cards = tuple(_card(album, fields) for fields in content["cards"])
    except (KeyError, TypeError, ValueError) as error:
        raise ImprintError(
            f"{path} is damaged ({type(error).__name__}: {error}): delete {folder} and run again"
        ) from error
    if not cards:
        return None
    labels, outcomes = (
        dict(sorted(Counter(str(card.fields[key]) for card in cards).items()))
        for key in ("label", "outcome")
    )
    return SearchGallery(cards, album.pictures, labels, outcomes)


def _card(album: Album, fields: Mapping[str, Any]) -> SearchCard:
    label, name, index = str(fields["label"]), str(fields["name"]), int(fields["index"])
    checked = {
        "label": label,
        "name": name,
        "index": index,
        "nearest": str(fields["nearest"]),
        "steps": int(fields["steps"]),
        "outcome": "found" if fields["identified"] else "missed",
        **{key: float(fields[key]) for key in ("certificate", "scaled_error")},
    }
    image, start, query = (
        album.show(fields[key]["file"], label, label) for key in ("image", "start", "query")
    )
    return SearchCard(checked, image, start, query, f"{name} {label} {index}".lower())
