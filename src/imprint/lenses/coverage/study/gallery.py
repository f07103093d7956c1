"""Pictures of training images whose activations no test reaches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imprint.data.imageset import ImageSet
from imprint.report.pictures import CARD_SIDE, save_whole
from imprint.study.json_io import read_json, write_json
from imprint.study.store import Study

STEP = "coverage"


def gallery_step(study: Study, images: ImageSet) -> Path:
    """Write ``gallery/coverage``: ``gallery.json`` and the PNG files it names.

    Args:
        study: holds ``coverage``.
        images: where pixels come from.
    """

    def build(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        gaps = read_json(study.path(STEP) / "findings.json").get("gaps", [])
        write_json(folder / "gallery.json", {"cards": [_card(folder, images, gap) for gap in gaps]})

    return study.step("gallery/coverage", {"data": images.fingerprint()}, build, (STEP,))


def _card(folder: Path, images: ImageSet, gap: dict[str, Any]) -> dict[str, Any]:
    shown = [
        {
            **example,
            "name": images.name_of(example["index"]),
            "label": images.classes[int(images.labels[example["index"]])],
            "image": save_whole(folder, images, example["index"], "image", CARD_SIDE),
        }
        for example in gap["examples"]
    ]
    return {**gap, "examples": shown}
