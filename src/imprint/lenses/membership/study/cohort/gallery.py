"""Pictures of the most memorized records of each class, and of the examples they influence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.arrays import IntArray
from imprint.data.imageset import ImageSet
from imprint.report.gallery import Card, CardPicture, Line, write_gallery
from imprint.report.pictures import CARD_SIDE, save_whole
from imprint.report.wording import decimal, percent, plural
from imprint.study.counted import uncounted
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import Table, read_table

MAX_CARDS_PER_CLASS = 25
MAX_CARDS = 400
MAX_INFLUENCED = 3


@dataclass(frozen=True, kw_only=True)
class MemorizedGallery(Step):
    """Write ``gallery/memorized``: cards of the most memorized records and their pictures.

    Attributes:
        images: the set.
        per_class: cards of a class at most.
        most: cards in all at most.
        influenced: test examples on a card at most.
        study: holds ``membership`` of a cohort.
    """

    images: ImageSet
    per_class: int = MAX_CARDS_PER_CLASS
    most: int = MAX_CARDS
    influenced: int = MAX_INFLUENCED
    study: Study = uncounted()

    artefact = "gallery/memorized"
    inputs = ("membership",)

    def build(self, path: Path) -> None:
        """Write cards and pictures."""
        path.mkdir(exist_ok=True)
        records = read_table(self.study.path("membership") / "records.parquet")
        pairs = read_table(self.study.path("membership") / "influence.parquet")
        rows = most_memorized(records, self.images.labels, self.per_class, self.most)
        write_gallery(path, [self._card(path, records, pairs, row) for row in rows])

    def _card(self, folder: Path, records: Table, pairs: Table, row: int) -> Card:
        index = int(records["index"][row])
        label = self.images.classes[int(self.images.labels[index])]
        memorized, models_in = float(records["memorization"][row]), int(records["models_in"][row])
        detected = int(records["times_found"][row])
        lines = [Line(_describe(records, row))]
        strongest = np.flatnonzero(pairs["index"] == index)[: self.influenced]
        if len(strongest):
            lines.append(self._influenced(folder, pairs, strongest))
        return Card(
            label,
            f"{self.images.name_of(index)} · index {index}",
            (self._picture(folder, index, "image", f"The image: {label}"),),
            badge=decimal(memorized, 2),
            lines=tuple(lines),
            facets={"Class": label},
            numbers={"memorization": memorized, "how often detected": detected / max(1, models_in)},
        )

    def _influenced(self, folder: Path, pairs: Table, rows: IntArray) -> Line:
        """Return the test examples that depend most on a record."""
        strengths = [decimal(float(pairs["influence"][row]), 2) for row in rows]
        pictures = tuple(
            self._picture(
                folder, int(pairs["test_index"][row]), "test", f"influenced, by {strength}"
            )
            for row, strength in zip(rows, strengths, strict=True)
        )
        count = plural(len(rows), "population image")
        return Line(f"influences {count} of its class, by {', '.join(strengths)}", "", pictures)

    def _picture(self, folder: Path, index: int, kind: str, spoken: str) -> CardPicture:
        return CardPicture(save_whole(folder, self.images, index, kind, CARD_SIDE)["file"], spoken)


def _describe(records: Table, row: int) -> str:
    models_in, models_out = int(records["models_in"][row]), int(records["models_out"][row])
    return (
        f"{percent(float(records['accuracy_in'][row]), 0)} of {plural(models_in, 'model')} with it "
        f"are right, {percent(float(records['accuracy_out'][row]), 0)} of {models_out} without · "
        f"detected in {int(records['times_found'][row])} of {models_in} · standard error "
        f"{decimal(float(records['standard_error'][row]), 2)}"
    )


def most_memorized(
    records: Table, labels: IntArray, per_class: int = MAX_CARDS_PER_CLASS, most: int = MAX_CARDS
) -> IntArray:
    """Return the rows to show, the most memorized first.

    Args:
        records: with ``index``, ``memorization``, ``standard_error``.
        labels: int64, of the whole set.
        per_class: rows of a class at most.
        most: rows in all at most.
    """
    score = records["memorization"]
    order = np.lexsort((records["index"], -np.nan_to_num(score, nan=-2.0)))
    order = order[np.isfinite(score[order])]
    label = labels[records["index"][order]]
    present = np.unique(label)
    shown = min(per_class, max(1, most // max(1, len(present))))
    kept = np.concatenate([np.flatnonzero(label == of)[:shown] for of in present] or [order[:0]])
    return np.asarray(order[np.sort(kept)][:most])
