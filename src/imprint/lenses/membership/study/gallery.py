"""Pictures of the most exposed records."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imprint.data.imageset import ImageSet
from imprint.report.gallery import Card, CardPicture, Line, write_gallery
from imprint.report.pictures import CARD_SIDE, save_whole
from imprint.report.wording import percent, plural
from imprint.study.counted import uncounted
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import Table, read_table

MAX_CARDS = 48


@dataclass(frozen=True)
class ExposedGallery(Step):
    """Cards of the most exposed members.

    Attributes:
        images: the joined set.
        attacks: how many attacks there are.
        max_cards: cards at most.
        study: holds ``membership``.
    """

    images: ImageSet
    attacks: int
    max_cards: int
    study: Study = uncounted()

    artefact = "gallery/membership"
    inputs = ("membership",)

    def build(self, path: Path) -> None:
        """Write ``gallery.json`` and the PNG files it names."""
        path.mkdir(exist_ok=True)
        exposed = read_table(self.study.path("membership") / "exposure.parquet")
        rows = range(min(self.max_cards, len(exposed["index"])))
        write_gallery(path, [self._card(path, exposed, row) for row in rows])

    def _card(self, folder: Path, exposed: Table, row: int) -> Card:
        index, fpr = int(exposed["index"][row]), float(exposed["fpr"][row])
        agreement = int(exposed["agreement"][row])
        name, label = self.images.name_of(index), self.images.classes[self.images.labels[index]]
        image = save_whole(folder, self.images, index, "image", CARD_SIDE)
        scores = "no non-member scores" if fpr == 0 else f"{percent(fpr, 2)} of non-members score"
        return Card(
            title=label,
            name=f"{name} · index {index}",
            pictures=(CardPicture(str(image["file"]), f"The image: {label}"),),
            badge=str(row + 1),
            lines=(
                Line(f"{scores} as high · {agreement} of {plural(self.attacks, 'attack')} agree"),
            ),
            facets={"False positives": "none" if fpr == 0 else "some", "Class": label},
            numbers={"exposure": -float(row), "attacks that agree": float(agreement)},
        )
