"""The pictures of the one-model report: the images that are most memorised, as small files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import FloatArray
from imprint.data.imageset import ImageSet
from imprint.lenses.dejavu.memorization.one_model import COMBINED, STRICTEST
from imprint.lenses.dejavu.study.one_model_roles import CropPool
from imprint.report.pictures import CARD_SIDE, NEIGHBOUR_SIDE, save_crop, save_whole
from imprint.study.json_io import write_json
from imprint.study.store import Study
from imprint.study.tables import Table, positions_of, read_table

CARDS = 20


def one_model_gallery(study: Study, images: ImageSet, crops: CropPool) -> Path:
    """Write ``gallery/one_model``: ``gallery.json`` and the PNG files it names.

    Args:
        study: holds ``tables/one_model``.
        images: where pixels come from.
        crops: the squares that were seen.
    """

    def build(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        records = read_table(study.path("tables/one_model") / "records.parquet")
        ranked = np.flatnonzero(records["rank"] >= 0)
        chosen = ranked[np.argsort(records["rank"][ranked], kind="stable")][:CARDS]
        places = positions_of(crops.index, records["index"][chosen], "attacked images")
        cards = [
            _card(folder, images, records, int(row), crops.squares[place])
            for row, place in zip(chosen, places, strict=True)
        ]
        write_json(folder / "gallery.json", {"cards": cards})

    return study.step("gallery/one_model", {"cards": CARDS}, build, ("tables/one_model",))


def _card(
    folder: Path, images: ImageSet, records: Table, row: int, square: FloatArray
) -> dict[str, Any]:
    index = int(records["index"][row])
    boxes = images.boxes()
    names = [
        column.removesuffix("_prediction") for column in records if column.endswith("_prediction")
    ]
    return {
        "index": index,
        "name": images.name_of(index),
        "label": images.classes[int(records["label"][row])],
        "rank": int(records["rank"][row]),
        "strength": float(records[f"{STRICTEST}_memorization"][row]),
        "prediction": images.classes[int(records["prediction"][row])],
        "confidence": float(records["confidence"][row]),
        "references": [
            {
                "name": name,
                "prediction": images.classes[int(records[f"{name}_prediction"][row])],
                "confidence": float(records[f"{name}_confidence"][row]),
            }
            for name in names
            if name not in (COMBINED, STRICTEST)
        ],
        "image": save_whole(folder, images, index, "image", CARD_SIDE),
        "boxes": [] if boxes is None else boxes[index].tolist(),
        "crop": {
            "file": save_crop(folder, images, index, square),
            "rectangle": square.tolist(),
        },
        "neighbours": [
            {
                "index": int(neighbour),
                "label": images.classes[int(images.labels[neighbour])],
                "file": save_whole(folder, images, int(neighbour), "neighbour", NEIGHBOUR_SIDE)[
                    "file"
                ],
            }
            for neighbour in records["neighbours"][row]
        ],
    }
