"""The step that searches near-duplicates of attacked images, and shows some of them as pairs.

A near-duplicate among the public images votes for the right class whatever the model memorized; one
in the set of the other model makes the reference a second target; one in the own set makes the
target see the image more often than others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, IntArray
from imprint.core.device import DeviceName
from imprint.data.imageset import ImageSet
from imprint.data.near_duplicates.search import NearDuplicates, find_near_duplicates
from imprint.data.near_duplicates.search_options import DuplicateSearch
from imprint.lenses.dejavu.doubt_findings import DuplicateRelation, NearDuplicateCounts
from imprint.report.gallery import Card, CardPicture, Line, write_gallery
from imprint.report.pictures import CARD_SIDE, save_whole
from imprint.report.wording import decimal
from imprint.study.counted import uncounted
from imprint.study.finding import write_finding
from imprint.study.step import Step
from imprint.study.tables import Table, read_table, write_table

PAIR_CARDS = 24
COUNTS, PAIRS = "counts.json", "pairs.parquet"


@dataclass(frozen=True)
class FindNearDuplicates(Step):
    """Search near-duplicates of attacked images.

    Writes ``pairs.parquet``, one row a pair: an attacked image, the other image, the sets of both;
    and ``counts.json``.

    Attributes:
        attacked: int64 ``[n]``, the images.
        sets: int64 by name, disjoint: every attacked image is in one, and so are the images among
            which near-duplicates are searched.
        search: how.
    """

    images: ImageSet
    attacked: IntArray
    sets: Mapping[str, IntArray]
    search: DuplicateSearch
    device: DeviceName = uncounted(default="auto")

    artefact = "tables/near_duplicates"

    def build(self, path: Path) -> None:
        """Write pairs and counts."""
        path.mkdir(exist_ok=True)
        others = np.concatenate(list(self.sets.values()))
        pairs = find_near_duplicates(self.images, self.attacked, others, self.search, self.device)
        table = self._table(pairs)
        write_table(path / PAIRS, table)
        write_finding(path / COUNTS, count_duplicates(table, self.attacked))

    def _table(self, pairs: NearDuplicates) -> Table:
        """Return the pairs with the attacked image first, of two the one of the earlier set."""
        names = np.array(list(self.sets))
        number = np.full(len(self.images), len(names))
        for row, members in enumerate(self.sets.values()):
            number[members] = row
        ends = np.stack([pairs.first, pairs.second], axis=1)
        attacked = np.isin(ends, self.attacked)
        swapped = ~attacked[:, 0] | (
            attacked.all(axis=1) & (number[ends[:, 0]] > number[ends[:, 1]])
        )
        ends[swapped] = ends[swapped][:, ::-1]
        return {
            "index": ends[:, 0],
            "other": ends[:, 1],
            "set": names[number[ends[:, 0]]],
            "other_set": names[number[ends[:, 1]]],
            "mirrored": pairs.mirrored,
            "by_hash": pairs.by_hash,
            "by_embedding": pairs.by_embedding,
            "correlation": pairs.correlation,
        }


def count_duplicates(pairs: Table, attacked: IntArray) -> NearDuplicateCounts:
    """Return how many pairs there are and how many attacked images are in one, by sets."""
    kinds = list(zip(pairs["set"].tolist(), pairs["other_set"].tolist(), strict=True))
    relations = []
    for first, second in sorted(set(kinds)):
        rows = np.array([kind == (first, second) for kind in kinds])
        images = int(images_with_duplicates(pairs, attacked, rows).sum())
        relations.append(DuplicateRelation(first, second, int(rows.sum()), images))
    every = images_with_duplicates(pairs, attacked)
    return NearDuplicateCounts(len(attacked), int(every.sum()), len(kinds), tuple(relations))


def images_with_duplicates(
    pairs: Table, attacked: IntArray, rows: NDArray[np.bool_] | slice = slice(None)
) -> BoolArray:
    """Return which attacked images are in one of the pairs, bool ``[n]``."""
    ends = np.concatenate([pairs["index"][rows], pairs["other"][rows]])
    return np.isin(attacked, ends)


@dataclass(frozen=True)
class NearDuplicateGallery(Step):
    """Show pairs side by side: the nearest of each relation in turn.

    Attributes:
        pairs: folder of the pairs.
    """

    images: ImageSet
    pairs: Path = uncounted()
    cards: int = PAIR_CARDS

    artefact = "gallery/near_duplicates"
    inputs = ("tables/near_duplicates",)

    def build(self, path: Path) -> None:
        """Write the gallery."""
        path.mkdir(exist_ok=True)
        pairs = read_table(self.pairs / PAIRS)
        write_gallery(path, [self._card(path, pairs, row) for row in shown_rows(pairs, self.cards)])

    def _card(self, folder: Path, pairs: Table, row: int) -> Card:
        relation = relation_name(str(pairs["set"][row]), str(pairs["other_set"][row]))
        agreed = float(pairs["correlation"][row])
        first, second = int(pairs["index"][row]), int(pairs["other"][row])
        return Card(
            relation,
            f"{self.images.name_of(first)} · {self.images.name_of(second)}",
            tuple(
                self._picture(folder, index, str(name))
                for index, name in (
                    (first, pairs["set"][row]),
                    (second, pairs["other_set"][row]),
                )
            ),
            badge="mirrored" if pairs["mirrored"][row] else "",
            lines=(Line(f"detail correlates by {decimal(agreed, 2)}"),),
            facets={"Sets": relation},
            numbers={"correlation of detail": agreed},
        )

    def _picture(self, folder: Path, index: int, name: str) -> CardPicture:
        whole = save_whole(folder, self.images, index, "image", CARD_SIDE)
        label = self.images.classes[int(self.images.labels[index])]
        return CardPicture(whole["file"], f"An image of {name}: {label}", f"{name}\n{label}")


def shown_rows(pairs: Table, count: int) -> list[int]:
    """Return rows of pairs, the nearest of every relation, then the second nearest, and so on."""
    places: dict[tuple[str, str], int] = {}
    ranked = []
    for row in np.argsort(-pairs["correlation"], kind="stable").tolist():
        kind = str(pairs["set"][row]), str(pairs["other_set"][row])
        places[kind] = places.get(kind, 0) + 1
        ranked.append((places[kind], row))
    return [row for _, row in sorted(ranked, key=lambda pair: pair[0])[:count]]


def relation_name(first: str, second: str) -> str:
    """Return what pairs of two sets are called.

    >>> relation_name("A", "A"), relation_name("A", "public")
    ('inside A', 'A and public')
    """
    return f"inside {first}" if first == second else f"{first} and {second}"
