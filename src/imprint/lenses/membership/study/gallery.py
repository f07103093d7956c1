"""Pictures of the most exposed records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imprint.data.imageset import ImageSet
from imprint.report.pictures import CARD_SIDE, save_whole
from imprint.study.json_io import write_json
from imprint.study.store import Study
from imprint.study.tables import Table, read_table

EXPOSED_CARDS = 48


def gallery_step(study: Study, images: ImageSet) -> Path:
    """Write ``gallery/membership``: ``gallery.json`` and the PNG files it names.

    Args:
        study: holds ``membership``.
        images: the joined set.
    """

    def build(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        exposed = read_table(study.path("membership") / "exposure.parquet")
        rows = range(min(EXPOSED_CARDS, len(exposed["index"])))
        cards = [_card(folder, images, exposed, row) for row in rows]
        write_json(folder / "gallery.json", {"cards": cards})

    settings = {"exposed": EXPOSED_CARDS, "data": images.fingerprint()}
    return study.step("gallery/membership", settings, build, ("membership",))


def _card(folder: Path, images: ImageSet, exposed: Table, row: int) -> dict[str, Any]:
    index = int(exposed["index"][row])
    return {
        "rank": row + 1,
        "index": index,
        "name": images.name_of(index),
        "label": images.classes[int(images.labels[index])],
        "fpr": float(exposed["fpr"][row]),
        "agreement": int(exposed["agreement"][row]),
        "score": float(exposed["score"][row]),
        "image": save_whole(folder, images, index, "image", CARD_SIDE),
    }
