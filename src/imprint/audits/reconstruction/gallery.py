"""The gallery: an image, its crop, and under both encoders its neighbours and samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.audits.reconstruction.options import Recipe
from imprint.audits.reconstruction.sampled_pair import NEIGHBOURS, read_pair
from imprint.core.arrays import IntArray, Pixels
from imprint.data.picture import to_picture
from imprint.data.view import View
from imprint.lenses.dejavu.memorization.two_model import CATEGORIES
from imprint.lenses.dejavu.study.guess import SIDES
from imprint.lenses.reconstruct.study.tiles import write_tile
from imprint.report.gallery import Answer, Card, CardPicture, Line, write_gallery
from imprint.report.pictures import CARD_SIDE, NEIGHBOUR_SIDE, save_crop, save_whole
from imprint.study.counted import uncounted
from imprint.study.step import Step
from imprint.study.tables import Table, read_table

SHARES = {"memorized": 0.5, "correlated": 0.25, "forgotten": 0.25}
"""Of the cards, the strongest of each category."""
SPOKEN = {
    "crop": "from the crop",
    "neighbours": "from neighbours",
}


@dataclass(frozen=True)
class PairGallery(Step):
    """Cards of reconstructed images, and ``tile_RECIPE.png`` with a row each.

    A row of the tile: original, crop, neighbours and samples of the target, neighbours and samples
    of the reference.

    Attributes:
        crops: what the encoders saw of the attacked images.
        target: number of the encoder that is the target of each, int64 ``[n]``.
        rows: of the two-model test's records, int64 ``[n]``.
        recipes: that were sampled.
        shown: cards at most.
        records: of the two-model test.
        samples: folder of them.
        judged: folder of ``samples.parquet``.
    """

    crops: View
    target: IntArray
    rows: IntArray
    recipes: tuple[Recipe, ...]
    shown: int
    records: Table = uncounted()
    samples: Path = uncounted()
    judged: Path = uncounted()

    artefact = "gallery/reconstruct"
    inputs = ("samples/attacked", "tables/reconstruction")

    def build(self, path: Path) -> None:
        """Write pictures, cards and tiles."""
        path.mkdir(exist_ok=True)
        chosen = self._chosen()
        neighbours = np.stack([np.load(self.samples / NEIGHBOURS.format(name=s)) for s in SIDES])
        pairs = {recipe: read_pair(self.samples, recipe, self.target) for recipe in self.recipes}
        right = self._right()
        write_gallery(
            path, [self._card(path, int(place), neighbours, pairs, right) for place in chosen]
        )
        if len(chosen):
            for recipe, (own, other) in pairs.items():
                self._write_tile(path / f"tile_{recipe}.png", chosen, neighbours, own, other)

    def _chosen(self) -> IntArray:
        """Return the strongest images of each category, by rows of the sampled ones."""
        category = np.asarray(self.records["category"])[self.rows]
        strength = np.asarray(self.records["memorization"])[self.rows]
        confidence = np.asarray(self.records["target_confidence"])[self.rows]
        orders = {"memorized": -strength, "correlated": -confidence, "forgotten": strength}
        chosen = []
        for name, share in SHARES.items():
            rows = np.flatnonzero(category == CATEGORIES.index(name))
            rows = rows[np.argsort(orders[name][rows], kind="stable")]
            chosen.append(rows[: round(share * self.shown)])
        return np.concatenate(chosen)

    def _right(self) -> Mapping[tuple[str, str], Pixels]:
        """Return whether each sample has the original's class, bool ``[n, s]`` by recipe, role."""
        table = read_table(self.judged / "samples.parquet")
        columns = {name: np.asarray(table[name]) for name in table}
        hits = columns["label"] == columns["prediction"]
        of_set = columns["set"] == "attacked"
        return {
            (recipe, role): hits[
                of_set & (columns["recipe"] == recipe) & (columns["role"] == role)
            ].reshape(len(self.rows), -1)
            for recipe in self.recipes
            for role in ("target", "reference")
        }

    def _card(
        self,
        folder: Path,
        place: int,
        neighbours: IntArray,
        pairs: Mapping[Recipe, tuple[Pixels, Pixels]],
        right: Mapping[tuple[str, str], Pixels],
    ) -> Card:
        images, index = self.crops.images, int(self.crops.index[place])
        label = images.classes[int(images.labels[index])]
        category = CATEGORIES[int(np.asarray(self.records["category"])[self.rows[place]])]
        whole = save_whole(folder, images, index, "image", CARD_SIDE)
        crop = save_crop(folder, images, index, self.crops.squares[place])
        sides = int(self.target[place]), 1 - int(self.target[place])
        answers = []
        for recipe, samples in pairs.items():
            for role, of_role in zip(("target", "reference"), samples, strict=True):
                hits = right[recipe, role][place]
                answers.append(
                    Answer(
                        role,
                        f"{int(hits.sum())} of {len(hits)}",
                        bool(hits.any()),
                        SPOKEN[recipe],
                        reference=role == "reference",
                        pictures=_sampled(folder, f"{recipe}_{role}_{index}", of_role[place], hits),
                        pictures_are=f"Samples {SPOKEN[recipe]}",
                    )
                )
        lines = [
            Line(
                "nearest public images",
                f"{role} encoder:",
                self._neighbours(folder, neighbours[side, place], label),
            )
            for role, side in zip(("target", "reference"), sides, strict=True)
        ]
        strength = float(np.asarray(self.records["memorization"])[self.rows[place]])
        return Card(
            label,
            f"{images.name_of(index)} · index {index} · set {SIDES[sides[0]]}",
            (
                CardPicture(whole["file"], f"The whole image: {label}", "the image"),
                CardPicture(crop, "The background crop that the encoders see", "what they see"),
            ),
            badge=category,
            highlight=category if category in ("memorized", "forgotten") else "",
            answers=tuple(answers),
            lines=tuple(lines),
            facets={"Category": category, "Class": label},
            numbers={"memorization strength": strength},
        )

    def _neighbours(self, folder: Path, index: IntArray, label: str) -> tuple[CardPicture, ...]:
        images, pictures = self.crops.images, []
        for row in map(int, index):
            whole = save_whole(folder, images, row, "neighbour", NEIGHBOUR_SIDE)
            own = images.classes[int(images.labels[row])]
            pictures.append(CardPicture(whole["file"], own, ring=own == label))
        return tuple(pictures)

    def _write_tile(
        self, file: Path, chosen: IntArray, neighbours: IntArray, own: Pixels, other: Pixels
    ) -> None:
        side = own.shape[-1]
        view = self.crops.rows(chosen)

        def of(index: IntArray) -> Pixels:
            pixels = View(view.images, index.ravel()).read(side).pixels
            return pixels.reshape(*index.shape, *pixels.shape[1:])

        target = self.target[chosen]
        write_tile(
            file,
            of(view.index[:, None]),
            view.read(side).pixels[:, None],
            of(neighbours[target, chosen]),
            own[chosen],
            of(neighbours[1 - target, chosen]),
            other[chosen],
        )


def _sampled(folder: Path, name: str, samples: Pixels, hits: Pixels) -> tuple[CardPicture, ...]:
    pictures = []
    for number, (pixels, hit) in enumerate(zip(samples, hits, strict=True)):
        file = f"{name}_{number}.png"
        to_picture(pixels).save(folder / file)
        pictures.append(CardPicture(file, f"sample {number + 1}", ring=bool(hit)))
    return tuple(pictures)
