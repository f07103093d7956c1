"""The gallery of the most exposed records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imprint.core.errors import ImprintError
from imprint.report.gallery import Album, Shown
from imprint.report.inputs import Picture, read_object


@dataclass(frozen=True)
class ExposedCard:
    """One exposed record.

    Attributes:
        rank: 1 is the most exposed.
        index: of the record.
        name: of its image.
        label: its class.
        fpr: the false positive rate that calls it.
        agreement: attacks that have it among their top.
        image: its picture.
        search: what the text filter looks through, in lower case.
    """

    rank: int
    index: int
    name: str
    label: str
    fpr: float
    agreement: int
    image: Shown
    search: str

    @property
    def alarm(self) -> str:
        """Whether the record is called without calling any non-member."""
        return "none" if self.fpr == 0 else "some"


@dataclass(frozen=True)
class ExposedGallery:
    """All cards, their pictures, and what they can be filtered by."""

    cards: tuple[ExposedCard, ...]
    pictures: Mapping[str, Picture]
    labels: Mapping[str, int]
    alarms: Mapping[str, int]


def read_exposed(folder: Path) -> ExposedGallery | None:
    """Return the gallery of a folder, None where there is no such folder.

    Raises:
        ImprintError: a file or picture is missing or damaged.
    """
    if not folder.is_dir():
        return None
    album, path = Album(folder, "exposed"), folder / "gallery.json"
    cards = []
    try:
        for fields in read_object(path)["cards"]:
            name, label, index = str(fields["name"]), str(fields["label"]), int(fields["index"])
            image = album.show(fields["image"]["file"], label, label)
            cards.append(
                ExposedCard(
                    int(fields["rank"]),
                    index,
                    name,
                    label,
                    float(fields["fpr"]),
                    int(fields["agreement"]),
                    image,
                    f"{name} {label} {index}".lower(),
                )
            )
    except (KeyError, TypeError, ValueError) as error:
        raise ImprintError(
            f"{path} is damaged ({type(error).__name__}: {error}): "
            f"delete {folder} and run the audit again"
        ) from error
    labels = dict(sorted(Counter(card.label for card in cards).items()))
    return ExposedGallery(
        tuple(cards), album.pictures, labels, Counter(card.alarm for card in cards)
    )
