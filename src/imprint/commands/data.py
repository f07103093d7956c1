"""``imprint data``: what a set of images holds, how it is split, and its files from TFRecords."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.study.command import command
from imprint.study.config import Integers
from imprint.study.listing import listed
from imprint.study.options import Common, DataChoice

listed("layouts", "layouts of image folders and files", "imprint.data.sources.registry:layouts")


@command("data describe", "count images, labels, boxes, crops")
@dataclass(frozen=True, kw_only=True)
class Describe(DataChoice, Common):
    """Count images, classes, boxes and usable background crops; write them to OUT/data.json."""

    min_crop_px: float = 8
    """Only crops whose shorter side is longer than this count as usable (published: 100)."""
    corner_fraction: float = 0.3
    """Side of the corner crop as a share of the image's."""

    def run(self) -> dict[str, Any]:
        """Describe the images; return the content of ``data.json``."""
        from imprint.data.choice import open_choice
        from imprint.data.describe import describe, lines
        from imprint.study.store import write_json

        facts = describe(open_choice(self, self.seed), self.min_crop_px, self.corner_fraction)
        write_json(self.out / "data.json", facts)
        if not self.json:
            print("\n".join(lines(facts)))
        return facts


@command("data split", "partition a data set into A, B, shared, public")
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
        from imprint.core.errors import ImprintError
        from imprint.data.choice import open_choice
        from imprint.data.describe import describe_split, split_lines
        from imprint.data.split import load_partitions, partition_images, save_partition
        from imprint.study.store import Study

        images = open_choice(self, self.seed)
        boxes = None if self.without_boxes else images.boxes()
        if boxes is None and not self.without_boxes:
            raise ImprintError(
                f"{images.name} has no object boxes: add --without-boxes, which splits all images "
                "alike, and attack their corners (--crop corner)"
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


@command("data unpack", "files of images from TFRecords")
@dataclass(frozen=True, kw_only=True)
class Unpack(Common):
    """Write the images in TFRecords as files, each known by the index in its record.

    OUT/images then holds train/CLASS/NAME and val/CLASS/NAME, the bytes as they were, and
    imagenet_index.npz, which gives each file its index: --data OUT/images opens them in that order.
    Needs the extra tf.
    """

    tfrecords: Path
    """Folder of train-*-of-* and validation-*-of-*."""

    def run(self) -> dict[str, Any]:
        """Unpack; return where the images are and how many there are."""
        from imprint.data.digests import file_digests
        from imprint.data.sources.imagenet_index import INDEX_FILE, read_index
        from imprint.data.sources.tfrecords import find_shards, unpack
        from imprint.study.store import Study

        shards = find_shards(self.tfrecords)
        settings = {}
        for kind, files in shards.items():
            names = [shard.name for shard in files]
            digests = file_digests(self.tfrecords, names)
            settings[kind] = {
                name: row.tobytes().hex() for name, row in zip(names, digests, strict=True)
            }

        def build(folder: Path) -> None:
            unpack(shards, folder)

        folder = Study(self.out).step("images", settings, build, resumable=True)
        index = read_index(folder / INDEX_FILE)
        facts = {"images": str(folder), "train": len(index.train), "val": len(index.test)}
        if not self.json:
            print(f"{folder}: {facts['train']} images in train, {facts['val']} in val")
        return facts
