"""The gallery of samples: originals, samples of target and reference, what the classifier said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from imprint.core.arrays import FloatArray, IntArray, Pixels
from imprint.core.seeds import generator
from imprint.data.picture import to_picture
from imprint.data.view import View
from imprint.report.gallery import Answer, Card, CardPicture, write_gallery
from imprint.report.pictures import CARD_SIDE, save_crop
from imprint.report.wording import percent, points
from imprint.study.counted import uncounted
from imprint.study.step import Step
from imprint.study.tables import Table, read_table

LARGEST, RANDOM, SMALLEST = 18, 9, 9
SHOWN_SAMPLES = 8


@dataclass(frozen=True)
class SampleGallery(Step):
    """Write the gallery of samples.

    Attributes:
        images: the originals.
        hashes: of the files of samples, by role.
        pixels: uint8 ``[n, s, C, S, S]`` by role.
        tables: folder of the tables of samples.
    """

    images: View
    hashes: Mapping[str, str]
    pixels: Mapping[str, Pixels] = uncounted()
    tables: Path = uncounted()

    artefact = "gallery/reconstruct"
    inputs = ("tables/reconstruct",)

    def build(self, path: Path) -> None:
        """Write pictures and cards."""
        path.mkdir(exist_ok=True)
        tables = {role: read_table(self.tables / f"{role}.parquet") for role in self.pixels}
        shares = {role: _shares(table, len(self.images)) for role, table in tables.items()}
        gaps = shares["target"] - shares.get("reference", np.zeros(len(self.images)))
        rows = chosen_rows(gaps)
        write_gallery(path, [self._card(path, tables, shares, int(row)) for row in rows])

    def _card(
        self, folder: Path, tables: Mapping[str, Table], shares: Mapping[str, FloatArray], row: int
    ) -> Card:
        images = self.images.images
        index = int(self.images.index[row])
        label = images.classes[int(images.labels[index])]
        original = save_crop(folder, images, index, self.images.squares[row])
        answers = tuple(
            sample_answer(
                folder,
                role,
                self.pixels[role][row],
                table["predicted_class"].reshape(len(self.images), -1)[row],
                int(images.labels[index]),
                images.classes,
                name=f"{role}_{index}",
                reference=role == "reference",
            )
            for role, table in tables.items()
        )
        numbers = {"share, target": float(shares["target"][row])}
        badge = percent(numbers["share, target"], 0)
        facets = {"Class": label}
        if "reference" in shares:
            gap = float(shares["target"][row] - shares["reference"][row])
            numbers = {"target minus reference": gap, **numbers}
            badge = f"{points(gap)} points"
            facets = {"Class held": _held(gap), **facets}
        return Card(
            label,
            f"{images.name_of(index)} · index {index}",
            (CardPicture(original, f"The original: {label}", "original"),),
            badge=badge,
            answers=answers,
            facets=facets,
            numbers=numbers,
        )


def sample_answer(
    folder: Path,
    who: str,
    samples: Pixels,
    predicted: IntArray,
    label: int,
    classes: tuple[str, ...],
    *,
    name: str,
    reference: bool,
) -> Answer:
    """Write samples of an image as pictures; return them with the class they are most often given.

    Args:
        folder: of the gallery.
        who: drew them, such as target.
        samples: uint8 ``[s, C, S, S]``; the first few are shown, those of the right class ringed.
        predicted: int64 ``[s]``, class of each.
        label: class of the original.
        classes: names.
        name: beginning of the names of the files.
        reference: whether they are those of the reference.
    """
    right = predicted == label
    values, counts = np.unique(predicted, return_counts=True)
    most = int(values[np.argmax(counts)])
    pictures = []
    for number, (pixels, each) in enumerate(zip(samples, predicted, strict=True)):
        if number == SHOWN_SAMPLES:
            break
        file = f"{name}_{number}.png"
        save_sample(folder / file, pixels)
        said = classes[int(each)]
        pictures.append(
            CardPicture(file, f"Sample, classified as {said}", ring=bool(each == label))
        )
    return Answer(
        who,
        classes[most],
        most == label,
        f"{int(right.sum())} of {len(right)} right",
        reference=reference,
        pictures=tuple(pictures),
        pictures_are="Samples",
    )


def save_sample(file: Path, pixels: Pixels) -> None:
    """Write a sample uint8 ``[C, S, S]``, at most 160 pixels a side."""
    picture = to_picture(pixels)
    if max(picture.size) > CARD_SIDE:
        picture = picture.resize((CARD_SIDE, CARD_SIDE), Image.Resampling.BILINEAR)
    picture.save(file)


def chosen_rows(gaps: FloatArray) -> IntArray:
    """Return the rows of the images to show: the largest first, some at random, the smallest.

    Args:
        gaps: float64 ``[n]``.
    """
    order = np.argsort(-gaps, kind="stable")
    if len(order) <= LARGEST + RANDOM + SMALLEST:
        return np.asarray(order)
    middle = order[LARGEST:-SMALLEST]
    picks = generator(0, "reconstruct gallery").choice(len(middle), RANDOM, replace=False)
    return np.concatenate([order[:LARGEST], middle[np.sort(picks)], order[-SMALLEST:]])


def _shares(table: Table, images: int) -> FloatArray:
    right = table["predicted_class"] == table["label"]
    return np.asarray(right.reshape(images, -1).mean(axis=1))


def _held(gap: float) -> str:
    if gap == 0:
        return "equally often"
    return "more by the target" if gap > 0 else "more by the reference"
