"""Pictures of the records that are easiest to tell by their absence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from imprint.data.imageset import ImageSet
from imprint.lenses.leave_one_out.posterior.findings import distinct_records
from imprint.lenses.leave_one_out.posterior.records import label_stands_out
from imprint.lenses.leave_one_out.study.fit import RECORDS, STEP
from imprint.report.pictures import CARD_SIDE, save_whole
from imprint.study.json_io import read_json, write_json
from imprint.study.store import Study
from imprint.study.tables import Table, read_table

CARDS = 48


def gallery_step(study: Study, images: ImageSet) -> Path:
    """Write ``gallery/leave_one_out``: ``gallery.json`` and the PNG files it names.

    Args:
        study: holds ``leave_one_out``.
        images: the set whose records were fitted.
    """

    def build(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        records = distinct_records(read_table(study.path(STEP) / RECORDS))
        classes = read_json(study.path(STEP) / "findings.json")["classes"]
        by_label = label_stands_out(records["kl_out_in"], records["kl_variance"])
        order = np.argsort(-records["kl_out_in"], kind="stable")[:CARDS]
        cards = [
            _card(folder, images, records, classes, row, rank, bool(by_label[row]))
            for rank, row in enumerate(order.tolist(), start=1)
        ]
        write_json(folder / "gallery.json", {"cards": cards})

    settings = {"cards": CARDS, "data": images.fingerprint()}
    return study.step("gallery/leave_one_out", settings, build, (STEP,))


def _card(
    folder: Path,
    images: ImageSet,
    records: Table,
    classes: list[str],
    row: int,
    rank: int,
    by_label: bool,
) -> dict[str, Any]:
    index = int(records["index"][row])
    return {
        "rank": rank,
        "index": index,
        "name": images.name_of(index),
        "label": classes[int(records["label"][row])],
        "prediction_out": classes[int(records["prediction_out"][row])],
        "kl": float(records["kl_out_in"][row]),
        "auc": float(records["auc"][row]),
        "by_label": by_label,
        "leverage": float(records["leverage"][row]),
        "memorization": float(records["memorization"][row]),
        "copies": int(records["copies"][row]),
        "image": save_whole(folder, images, index, "image", CARD_SIDE),
    }
