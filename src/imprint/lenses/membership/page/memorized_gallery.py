"""The gallery of the most memorized records, class by class."""

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
class MemorizedCard:
    """One memorized record.

    Attributes:
        fields: the card as ``gallery.json`` has it.
        image: its picture.
        influenced: pictures of test examples that it carries, and by how much.
        search: what the text filter looks through, in lower case.
    """

    fields: Mapping[str, Any]
    image: Shown
    influenced: tuple[tuple[Shown, float], ...]
    search: str

    @property
    def share_found(self) -> float:
        """Of the models that were trained on it, the share in which it is found."""
        return float(self.fields["times_found"]) / max(1, int(self.fields["models_in"]))


@dataclass(frozen=True)
class MemorizedGallery:
    """All cards, their pictures, their classes, and how many cards a class has at most."""

    cards: tuple[MemorizedCard, ...]
    pictures: Mapping[str, Picture]
    labels: Mapping[str, int]
    a_class: int


def read_memorized(folder: Path) -> MemorizedGallery | None:
    """Return the gallery of a folder, None where there is no such folder.

    Raises:
        ImprintError: a file or picture is missing or damaged.
    """
    if not folder.is_dir():
        return None
    album, path = Album(folder, "memorized"), folder / "gallery.json"
    content = read_object(path)
    try:
        cards = [_card(album, fields) for fields in content["cards"]]
        a_class = int(content["a_class"])
    except (KeyError, TypeError, ValueError) as error:
        raise ImprintError(
            f"{path} is damaged ({type(error).__name__}: {error}): delete {folder} and run again"
        ) from error
    labels = dict(sorted(Counter(str(card.fields["label"]) for card in cards).items()))
    return MemorizedGallery(tuple(cards), album.pictures, labels, a_class)


def _card(album: Album, fields: Mapping[str, Any]) -> MemorizedCard:
    label = str(fields["label"])
    numbers = ("memorization", "standard_error", "accuracy_in", "accuracy_out")
    counts = ("index", "models_in", "models_out", "times_found")
    checked = {
        "label": label,
        "name": str(fields["name"]),
        **{name: float(fields[name]) for name in numbers},
        **{name: int(fields[name]) for name in counts},
    }
    influenced = tuple(
        (album.show(test["file"], label, label), float(test["influence"]))
        for test in fields["influenced"]
    )
    return MemorizedCard(
        checked,
        album.show(fields["image"]["file"], label, label),
        influenced,
        f"{checked['name']} {label} {checked['index']}".lower(),
    )
