"""The galleries of the report: the most memorized and the best correlated images, as cards.

The report reads nothing but the study folder, so it can be written again without the images.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.dejavu.memorization.one_model import COMBINED, STRICTEST
from imprint.lenses.dejavu.memorization.two_model import CATEGORIES
from imprint.lenses.dejavu.study.guess import SIDES
from imprint.report.gallery import Answer, Card, CardPicture, Line, Rectangle, write_gallery
from imprint.report.pictures import CARD_SIDE, NEIGHBOUR_SIDE, save_crop, save_whole
from imprint.report.wording import nats
from imprint.study.counted import uncounted
from imprint.study.step import Step
from imprint.study.tables import Table, positions_of, read_table

MEMORIZED_CARDS = 48
CORRELATED_CARDS = 12
ONE_MODEL_CARDS = 20


@dataclass(frozen=True)
class CropGallery(Step):
    """Write a gallery of attacked crops.

    Attributes:
        crops: the square of each attacked image that models see.
        tables: folder of ``records.parquet``.
    """

    crops: View
    tables: Path = uncounted()

    @property
    def images(self) -> ImageSet:
        """Where pixels come from."""
        return self.crops.images

    def build(self, path: Path) -> None:
        """Write the gallery."""
        path.mkdir(exist_ok=True)
        records = read_table(self.tables / "records.parquet")
        rows = self.chosen_rows(records)
        places = positions_of(self.crops.index, records["index"][rows], "attacked images")
        write_gallery(
            path,
            [
                self.card(path, records, int(row), self.crops.squares[place])
                for row, place in zip(rows, places, strict=True)
            ],
        )

    @abstractmethod
    def chosen_rows(self, records: Table) -> IntArray:
        """Return the rows of the images to show, in order."""

    @abstractmethod
    def card(self, folder: Path, records: Table, row: int, square: FloatArray) -> Card:
        """Return the card of a row."""

    def class_of(self, records: Table, column: str, row: int) -> str:
        """Return the name of the class in a column."""
        return self.images.classes[int(records[column][row])]

    def title_of(self, records: Table, row: int) -> tuple[str, str]:
        """Return the class of an image, and the image by its name and index."""
        index = int(records["index"][row])
        name = f"{self.images.name_of(index)} · index {index}"
        return self.class_of(records, "label", row), name

    def pictures(self, folder: Path, index: int, square: FloatArray) -> tuple[CardPicture, ...]:
        """Write an image and its crop; return both."""
        whole = save_whole(folder, self.images, index, "image", CARD_SIDE)
        label = self.images.classes[int(self.images.labels[index])]
        return (
            CardPicture(
                whole["file"],
                f"The whole image: {label}",
                "the image",
                width=whole["width"],
                boxes=tuple(map(_rectangle, (self.images.boxes() or {index: ()})[index])),
                crop=_rectangle(square),
            ),
            CardPicture(
                save_crop(folder, self.images, index, square),
                "The background crop that the models see",
                "what the models see",
            ),
        )

    def neighbours(self, folder: Path, neighbours: IntArray, label: str) -> tuple[CardPicture, ...]:
        """Write public images; return them, those of the right class with a ring."""
        pictures = []
        for index in map(int, neighbours):
            whole = save_whole(folder, self.images, index, "neighbour", NEIGHBOUR_SIDE)
            own = self.images.classes[int(self.images.labels[index])]
            pictures.append(CardPicture(whole["file"], own, ring=own == label))
        return tuple(pictures)


def _rectangle(edges: FloatArray) -> Rectangle:
    x0, y0, x1, y1 = (float(edge) for edge in edges)
    return x0, y0, x1, y1


@dataclass(frozen=True)
class TwoModelGallery(CropGallery):
    """The gallery of the two-model test: memorized images by strength, then correlated ones."""

    memorized: int = MEMORIZED_CARDS
    correlated: int = CORRELATED_CARDS

    artefact = "gallery/dejavu"
    inputs = ("tables/dejavu",)

    def chosen_rows(self, records: Table) -> IntArray:
        """Return memorized images by strength, then correlated ones by the lesser confidence."""
        lesser = np.minimum(records["target_confidence"], records["reference_confidence"])
        memorized = _strongest(records, "memorized", records["memorization"])
        correlated = _strongest(records, "correlated", lesser)
        return np.concatenate([memorized[: self.memorized], correlated[: self.correlated]])

    def card(self, folder: Path, records: Table, row: int, square: FloatArray) -> Card:
        """Return the guesses of target and reference."""
        label, name = self.title_of(records, row)
        side, category = SIDES[records["side"][row]], CATEGORIES[records["category"][row]]
        strength = float(records["memorization"][row])
        more = "more" if strength >= 0 else "less"
        answers = []
        for role in ("target", "reference"):
            prediction = self.class_of(records, f"{role}_prediction", row)
            answers.append(
                Answer(
                    f"{role} model",
                    prediction,
                    prediction == label,
                    f"{nats(records[f'{role}_confidence'][row])} nats",
                    reference=role == "reference",
                    pictures=self.neighbours(folder, records[f"{role}_neighbours"][row], label),
                )
            )
        return Card(
            label,
            f"{name} · set {side}",
            self.pictures(folder, int(records["index"][row]), square),
            badge=category,
            highlight=category if category == "memorized" else "",
            answers=tuple(answers),
            lines=(Line(f"target {nats(abs(strength))} nats {more} confident than the reference"),),
            facets={"Category": category, "Set": side, "Class": label},
            numbers={
                "memorization strength": strength,
                "target confidence": float(records["target_confidence"][row]),
            },
        )


def _strongest(records: Table, category: str, strength: FloatArray) -> IntArray:
    rows = np.flatnonzero(records["category"] == CATEGORIES.index(category))
    return rows[np.argsort(-strength[rows], kind="stable")]


@dataclass(frozen=True)
class OneModelGallery(CropGallery):
    """The gallery of the one-model test: the claimed images, strongest first."""

    cards: int = ONE_MODEL_CARDS

    artefact = "gallery/one_model"
    inputs = ("tables/one_model",)

    def chosen_rows(self, records: Table) -> IntArray:
        """Return the claimed images by rank."""
        ranked = np.flatnonzero(records["rank"] >= 0)
        return ranked[np.argsort(records["rank"][ranked], kind="stable")][: self.cards]

    def card(self, folder: Path, records: Table, row: int, square: FloatArray) -> Card:
        """Return the guesses of the model and of every reference."""
        label, name = self.title_of(records, row)
        strength = float(records[f"{STRICTEST}_memorization"][row])
        more = "more" if strength >= 0 else "less"
        model = Answer(
            "the model",
            self.class_of(records, "prediction", row),
            True,
            f"{nats(records['confidence'][row])} nats",
            pictures=self.neighbours(folder, records["neighbours"][row], label),
        )
        names = [n.removesuffix("_prediction") for n in records if n.endswith("_prediction")]
        references = [
            Answer(
                each.replace("_", " "),
                self.class_of(records, f"{each}_prediction", row),
                False,
                f"{nats(records[f'{each}_confidence'][row])} nats",
                reference=True,
            )
            for each in names
            if each not in (COMBINED, STRICTEST)
        ]
        return Card(
            label,
            name,
            self.pictures(folder, int(records["index"][row]), square),
            badge=str(int(records["rank"][row]) + 1),
            highlight="memorized",
            answers=(model, *references),
            lines=(
                Line(f"{nats(abs(strength))} nats {more} confident than the strictest reference"),
            ),
            facets={"Class": label},
            numbers={"memorization strength": strength},
        )
