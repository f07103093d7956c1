"""The pictures of the report: the most memorised and the best correlated images, as small files.

The report reads nothing but the study folder, so it can be written again when the data are gone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.data.imageset import ImageSet
from imprint.lenses.dejavu.memorization.two_model import CATEGORIES
from imprint.lenses.dejavu.study.guess import SIDES
from imprint.report.pictures import CARD_SIDE, NEIGHBOUR_SIDE, save_crop, save_whole
from imprint.study.json_io import write_json
from imprint.study.store import Study
from imprint.study.tables import Table, positions_of, read_table

MEMORIZED_CARDS = 48
CORRELATED_CARDS = 12


def gallery_step(study: Study, images: ImageSet, index: IntArray, seen: FloatArray) -> Path:
    """Write ``gallery/dejavu``: ``gallery.json`` and the PNG files it names.

    Args:
        study: holds ``tables/dejavu``.
        images: where pixels come from.
        index: int64 ``[n]``, the attacked images.
        seen: float64 ``[n, 4]``, the square of each that the models see.
    """

    def build(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        records = read_table(study.path("tables/dejavu") / "records.parquet")
        chosen = chosen_rows(records)
        places = positions_of(index, records["index"][chosen], "attacked images")
        cards = [
            _card(folder, images, records, int(row), seen[place])
            for row, place in zip(chosen, places, strict=True)
        ]
        write_json(folder / "gallery.json", {"cards": cards})

    settings = {"memorized": MEMORIZED_CARDS, "correlated": CORRELATED_CARDS}
    return study.step("gallery/dejavu", settings, build, ("tables/dejavu",))


def chosen_rows(records: Table) -> IntArray:
    """Return rows to show: memorized by strength, then correlated by the lesser confidence."""
    certain = np.minimum(records["target_confidence"], records["reference_confidence"])
    memorized = _best(records, CATEGORIES.index("memorized"), records["memorization"])
    correlated = _best(records, CATEGORIES.index("correlated"), certain)
    return np.concatenate([memorized[:MEMORIZED_CARDS], correlated[:CORRELATED_CARDS]])


def _best(records: Table, category: int, strength: FloatArray) -> IntArray:
    rows = np.flatnonzero(records["category"] == category)
    return rows[np.argsort(-strength[rows], kind="stable")]


def _card(
    folder: Path, images: ImageSet, records: Table, row: int, rectangle: FloatArray
) -> dict[str, Any]:
    index = int(records["index"][row])
    boxes = images.boxes()
    return {
        "index": index,
        "name": images.name_of(index),
        "side": SIDES[int(records["side"][row])],
        "label": images.classes[int(records["label"][row])],
        "category": CATEGORIES[int(records["category"][row])],
        "strength": float(records["memorization"][row]),
        "target_prediction": images.classes[int(records["target_prediction"][row])],
        "target_confidence": float(records["target_confidence"][row]),
        "reference_prediction": images.classes[int(records["reference_prediction"][row])],
        "reference_confidence": float(records["reference_confidence"][row]),
        "image": save_whole(folder, images, index, "image", CARD_SIDE),
        "boxes": [] if boxes is None else boxes[index].tolist(),
        "crop": {
            "file": save_crop(folder, images, index, rectangle),
            "rectangle": rectangle.tolist(),
        },
        "target_neighbours": _neighbours(folder, images, records["target_neighbours"][row]),
        "reference_neighbours": _neighbours(folder, images, records["reference_neighbours"][row]),
    }


def _neighbours(folder: Path, images: ImageSet, neighbours: IntArray) -> list[dict[str, Any]]:
    return [
        {
            "index": int(index),
            "label": images.classes[int(images.labels[index])],
            "file": save_whole(folder, images, int(index), "neighbour", NEIGHBOUR_SIDE)["file"],
        }
        for index in neighbours
    ]
