"""What a set of images holds: counts, sizes, boxes, and the background crops of each rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.data.boxes.background import CropRule, background_rectangles
from imprint.data.files import box_facts, usable_indices
from imprint.data.imageset import ImageSet
from imprint.data.split import Partitions


@dataclass(frozen=True)
class SizeFacts:
    """Width and height of images in pixels, ``[w, h]`` each, taken side by side."""

    smallest: tuple[float, ...]
    median: tuple[float, ...]
    largest: tuple[float, ...]


@dataclass(frozen=True)
class ClassSize:
    """How many images a class has."""

    name: str
    images: int


@dataclass(frozen=True)
class ClassFacts:
    """Classes and their images; ``annotated`` counts images with a box, by class."""

    count: int
    smallest: ClassSize
    largest: ClassSize
    median_annotated: float
    images: Mapping[str, int]
    annotated: Mapping[str, int]


@dataclass(frozen=True)
class BoxFacts:
    """Boxes, and images with and without one."""

    images: int
    images_without: int
    boxes: int
    most_in_one_image: int


@dataclass(frozen=True)
class CropFacts:
    """What one rule finds: usable crops, and how many images lack one for which reason."""

    usable: int
    median_shorter_side: float | None
    reasons: Mapping[str, int]


@dataclass(frozen=True)
class DataFacts:
    """What a set of images holds; ``crops`` by rule, the last two of sets with boxes alone."""

    name: str
    fingerprint: str
    images: int
    left_out: int
    channels: int
    sizes: SizeFacts
    classes: ClassFacts
    boxes: BoxFacts
    crops: Mapping[str, CropFacts]
    box_ends: str | None = None
    box_margin: int | None = None


@dataclass(frozen=True)
class SplitSizes:
    """How many images every part of one partition has."""

    bbox_A: int
    bbox_B: int
    shared: int
    train: int
    public: int
    smallest_public_class: int


@dataclass(frozen=True)
class SplitFacts:
    """The partitions of a split by their size a class, and images of the validation set."""

    sizes: Mapping[str, SplitSizes]
    val_set: int


def describe(images: ImageSet, min_px: float, corner_fraction: float) -> DataFacts:
    """Return counts of images, classes, boxes and usable crops.

    Args:
        images: corrupt ones are counted and otherwise left aside.
        min_px: crops count as usable when their shorter side is longer than this.
        corner_fraction: side of the corner crop as a share of the image's.
    """
    usable = usable_indices(images)
    boxes = images.boxes()
    counts = np.zeros(len(images), dtype=np.int64)
    if boxes is not None:
        counts[:] = [len(table) for table in boxes]
    reading = box_facts(images)
    return DataFacts(
        name=images.name,
        fingerprint=images.fingerprint(),
        images=len(images),
        left_out=len(images) - len(usable),
        channels=images.channels,
        sizes=_measure_sizes(images.sizes()[usable]),
        classes=_count_classes(images, usable, counts > 0),
        boxes=BoxFacts(
            images=int((counts[usable] > 0).sum()),
            images_without=int((counts[usable] == 0).sum()),
            boxes=int(counts[usable].sum()),
            most_in_one_image=int(counts[usable].max(initial=0)),
        ),
        crops=_count_crops(images, usable, min_px, corner_fraction),
        box_ends=None if reading is None else reading.ends,
        box_margin=None if reading is None else reading.margin,
    )


def lines(facts: DataFacts) -> list[str]:
    """Return the facts as lines of text."""
    text = [
        f"{facts.name}: {facts.images} images, {_span(facts.sizes)} pixels, "
        f"{facts.channels} channels"
    ]
    if facts.left_out:
        text.append(f"left out     {facts.left_out} that cannot be decoded")
    text.append(f"classes      {facts.classes.count}, {_members(facts.classes)}")
    text.append(_box_line(facts))
    return [*text, *(_crop_line(rule, crops) for rule, crops in facts.crops.items())]


def _span(sizes: SizeFacts) -> str:
    (width, height), (widest, highest) = sizes.smallest, sizes.largest
    is_same = (width, height) == (widest, highest)
    return f"{width} × {height}" if is_same else f"{width} × {height} to {widest} × {highest}"


def _members(classes: ClassFacts) -> str:
    small, large = classes.smallest, classes.largest
    if small.images == large.images:
        return f"{small.images} images each"
    return f"{small.images} ({small.name}) to {large.images} ({large.name}) images"


def _box_line(facts: DataFacts) -> str:
    boxes = facts.boxes
    if not boxes.boxes:
        return "boxes        none"
    bare = boxes.images_without
    without = f"{bare} image{'s' if bare > 1 else ''} without, " if bare else ""
    return (
        f"boxes        {boxes.boxes} in {boxes.images} images, {without}"
        f"median {facts.classes.median_annotated:g} annotated images per class"
    )


def _crop_line(rule: str, crops: CropFacts) -> str:
    reasons = "; ".join(f"{count} {reason}" for reason, count in crops.reasons.items())
    side = crops.median_shorter_side
    return (
        f"crop {rule:<8}{crops.usable} usable"
        + (f", median shorter side {side:g} px" if side is not None else "")
        + (f" ({reasons})" if reasons else "")
    )


def describe_split(partitions: Partitions, labels: IntArray) -> SplitFacts:
    """Return how many images every part of every partition has.

    Args:
        partitions: what to count.
        labels: int64 ``[n]``, of the images that were partitioned.
    """
    sizes = {}
    for size, part in partitions.by_size.items():
        public = np.bincount(labels[part.public], minlength=int(labels.max()) + 1)
        sizes[str(size)] = SplitSizes(
            bbox_A=len(part.bbox_a),
            bbox_B=len(part.bbox_b),
            shared=len(part.shared),
            train=len(part.train_a),
            public=len(part.public),
            smallest_public_class=int(public.min()),
        )
    return SplitFacts(sizes, len(partitions.validation))


def split_lines(facts: SplitFacts) -> list[str]:
    """Return the facts of a split as lines of text."""
    text = [
        f"{size} per class: A and B train on {part.train} images each, "
        f"{part.bbox_A} their own and {part.shared} shared; {part.public} public, "
        f"{part.smallest_public_class} or more of a class"
        for size, part in facts.sizes.items()
    ]
    return [*text, f"validation set of probes: {facts.val_set} public images"]


def _measure_sizes(sizes: IntArray | FloatArray) -> SizeFacts:
    return SizeFacts(
        smallest=tuple(sizes.min(axis=0).tolist()),
        median=tuple(np.median(sizes, axis=0).tolist()),
        largest=tuple(sizes.max(axis=0).tolist()),
    )


def _count_classes(images: ImageSet, usable: IntArray, annotated: BoolArray) -> ClassFacts:
    labels, count = images.labels[usable], len(images.classes)
    members = np.bincount(labels, minlength=count)
    boxed = np.bincount(labels[annotated[usable]], minlength=count)
    smallest, largest = int(members.argmin()), int(members.argmax())
    return ClassFacts(
        count=count,
        smallest=ClassSize(images.classes[smallest], int(members[smallest])),
        largest=ClassSize(images.classes[largest], int(members[largest])),
        median_annotated=float(np.median(boxed)),
        images=dict(zip(images.classes, members.tolist(), strict=True)),
        annotated=dict(zip(images.classes, boxed.tolist(), strict=True)),
    )


def _count_crops(
    images: ImageSet, usable: IntArray, min_px: float, corner_fraction: float
) -> dict[str, CropFacts]:
    """Return, for every rule that can be applied, how many crops it finds."""
    boxes = images.boxes()
    own = None if boxes is None else [boxes[row] for row in usable.tolist()]
    facts = {}
    for rule in get_args(CropRule):
        if own is None and rule != "corner":
            continue
        crops = background_rectangles(images.sizes()[usable], own, rule, min_px, corner_fraction)
        reasons, counts = np.unique(crops.reasons[~crops.usable], return_counts=True)
        sides = crops.shorter_sides[crops.usable]
        facts[rule] = CropFacts(
            usable=int(crops.usable.sum()),
            median_shorter_side=float(np.median(sides)) if len(sides) else None,
            reasons=dict(zip(reasons.tolist(), counts.tolist(), strict=True)),
        )
    return facts
