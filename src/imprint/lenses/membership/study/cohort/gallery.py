"""Pictures of the most memorized records of each class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import IntArray
from imprint.data.imageset import ImageSet
from imprint.report.pictures import CARD_SIDE, save_whole
from imprint.study.json_io import write_json
from imprint.study.store import Study
from imprint.study.tables import Table, read_table

A_CLASS = 25
MOST_CARDS = 400
INFLUENCED = 3


def memorized_gallery_step(study: Study, images: ImageSet) -> Path:
    """Write ``gallery/memorized``: ``gallery.json`` and the PNG files it names.

    Of each class the most memorized records, ``A_CLASS`` at most and ``MOST_CARDS`` in all, each
    with the test examples it carries most.

    Args:
        study: holds ``membership`` of a cohort.
        images: the set.
    """

    def build(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        records = read_table(study.path("membership") / "records.parquet")
        pairs = read_table(study.path("membership") / "influence.parquet")
        rows = most_memorized(records, images.labels)
        cards = [_card(folder, images, records, pairs, row) for row in rows]
        write_json(folder / "gallery.json", {"cards": cards, "a_class": _per_class(images)})

    settings = {
        "a_class": A_CLASS,
        "most": MOST_CARDS,
        "influenced": INFLUENCED,
        "data": images.fingerprint(),
    }
    return study.step("gallery/memorized", settings, build, ("membership",))


def most_memorized(records: Table, labels: IntArray) -> IntArray:
    """Return the rows to show, the most memorized first.

    Args:
        records: with ``index``, ``memorization``, ``standard_error``.
        labels: int64, of the whole set.
    """
    score = records["memorization"]
    order = np.lexsort((records["index"], -np.nan_to_num(score, nan=-2.0)))
    order = order[np.isfinite(score[order])]
    label = labels[records["index"][order]]
    present = np.unique(label)
    most = min(A_CLASS, max(1, MOST_CARDS // max(1, len(present))))
    kept = np.concatenate([np.flatnonzero(label == of)[:most] for of in present] or [order[:0]])
    return np.asarray(order[np.sort(kept)][:MOST_CARDS])


def _per_class(images: ImageSet) -> int:
    return min(A_CLASS, max(1, MOST_CARDS // len(images.classes)))


def _card(folder: Path, images: ImageSet, records: Table, pairs: Table, row: int) -> dict[str, Any]:
    index = int(records["index"][row])
    carried = np.flatnonzero(pairs["index"] == index)[:INFLUENCED]
    return {
        "index": index,
        "name": images.name_of(index),
        "label": images.classes[int(images.labels[index])],
        "memorization": float(records["memorization"][row]),
        "standard_error": float(records["standard_error"][row]),
        "accuracy_in": float(records["accuracy_in"][row]),
        "accuracy_out": float(records["accuracy_out"][row]),
        "models_in": int(records["models_in"][row]),
        "models_out": int(records["models_out"][row]),
        "times_found": int(records["times_found"][row]),
        "image": save_whole(folder, images, index, "image", CARD_SIDE),
        "influenced": [_influenced(folder, images, pairs, int(pair)) for pair in carried],
    }


def _influenced(folder: Path, images: ImageSet, pairs: Table, pair: int) -> dict[str, Any]:
    index = int(pairs["test_index"][pair])
    return {
        "index": index,
        "name": images.name_of(index),
        "influence": float(pairs["influence"][pair]),
        "file": save_whole(folder, images, index, "test", CARD_SIDE)["file"],
    }
