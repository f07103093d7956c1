"""``imprint data``: what a set of images holds, and how it is split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.config import Integers
from imprint.options import Common, DataChoice


@dataclass(frozen=True, kw_only=True)
class Describe(DataChoice, Common):
    """Count images, classes, boxes and usable background crops; write them to OUT/data.json."""

    min_crop_px: float = 8
    """Only crops whose shorter side is longer than this count as usable (published: 100)."""
    corner_fraction: float = 0.3
    """Side of the corner crop as a share of the image's."""

    def run(self) -> dict[str, Any]:
        """Describe the images; return the content of ``data.json``."""
        from imprint.audit.images import open_choice
        from imprint.data.describe import describe, lines
        from imprint.store import write_json

        facts = describe(open_choice(self, self.seed), self.min_crop_px, self.corner_fraction)
        write_json(self.out / "data.json", facts)
        if not self.json:
            print("\n".join(lines(facts)))
        return facts


@dataclass(frozen=True, kw_only=True)
class Split(DataChoice, Common):
    """Partition the images into A, B, shared and public; write the indices to OUT/split.

    OUT/split/N_per_class holds bbox_A, bbox_B, shared, train_A, train_B and public as .npy files of
    int64 indices; OUT/split/val_set.npy is a class-balanced validation set for probes.
    """

    per_class: Integers = (13,)
    """Training images per class; several sizes make nested public sets."""
    without_boxes: bool = False
    """Count every image as annotated, as the corner crop needs no boxes."""
    shuffle: bool = False
    """Shuffle each class by the seed first, instead of taking images in order."""

    def run(self) -> dict[str, Any]:
        """Split the images; return how many are where."""
        from imprint.audit.images import open_choice
        from imprint.data.describe import describe_split, split_lines
        from imprint.data.split import load_partitions, partition_images, save_partition
        from imprint.errors import ImprintError
        from imprint.store import Study

        images = open_choice(self, self.seed)
        boxes = None if self.without_boxes else images.boxes()
        if boxes is None and not self.without_boxes:
            raise ImprintError(
                f"{images.name} has no object boxes: give their folder (--boxes), or count every "
                "image as annotated (--without-boxes) and take the corner crop"
            )
        shuffle_seed = self.seed if self.shuffle else None

        def build(folder: Path) -> None:
            partitions = partition_images(images, boxes, self.per_class, shuffle_seed)
            save_partition(folder, partitions, images.fingerprint())

        settings = {
            "data": images.fingerprint(),
            "per_class": list(self.per_class),
            "annotated": boxes is not None,
            "shuffle_seed": shuffle_seed,
        }
        folder = Study(self.out).step("split", settings, build)
        facts = describe_split(load_partitions(folder, images.fingerprint()), images.labels)
        if not self.json:
            print("\n".join(split_lines(facts)))
        return facts
