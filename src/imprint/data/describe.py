"""What a set of images holds: counts, sizes, boxes, and the background crops of each rule."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.data.boxes.background import CropRule, background_rectangles
from imprint.data.files import FileImages, usable_indices
from imprint.data.imageset import ArrayImages, ImageSet
from imprint.data.split import Partitions


def describe(images: ImageSet, min_px: float, corner_fraction: float) -> dict[str, Any]:
    """Return counts of images, classes, boxes and usable crops as JSON values.

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
    return {
        "name": images.name,
        "fingerprint": images.fingerprint(),
        "images": len(images),
        "left_out": len(images) - len(usable),
        "channels": images.channels,
        "sizes": _sizes(images.sizes()[usable]),
        "classes": _classes(images, usable, counts > 0),
        "boxes": {
            "images": int((counts[usable] > 0).sum()),
            "images_without": int((counts[usable] == 0).sum()),
            "boxes": int(counts[usable].sum()),
            "most_in_one_image": int(counts[usable].max(initial=0)),
        },
        "crops": _crops(images, usable, min_px, corner_fraction),
        **box_facts(images),
    }


def box_facts(images: ImageSet) -> dict[str, Any]:
    """Return how boxes were read, of images from files with boxes."""
    reading = images.box_reading if isinstance(images, (FileImages, ArrayImages)) else None
    return {} if reading is None else {"box_ends": reading.ends, "box_margin": reading.margin}


def lines(facts: dict[str, Any]) -> list[str]:
    """Return what :func:`describe` found as lines of text."""
    classes, boxes = facts["classes"], facts["boxes"]
    (width, height), (widest, highest) = facts["sizes"]["smallest"], facts["sizes"]["largest"]
    same = (width, height) == (widest, highest)
    span = f"{width} × {height}" if same else f"{width} × {height} to {widest} × {highest}"
    small, large = classes["smallest"], classes["largest"]
    members = f"{small['images']} images each"
    if small["images"] < large["images"]:
        members = (
            f"{small['images']} ({small['name']}) to {large['images']} ({large['name']}) images"
        )
    bare = boxes["images_without"]
    without = f"{bare} image{'s' if bare > 1 else ''} without, " if bare else ""
    text = [
        f"{facts['name']}: {facts['images']} images, {span} pixels, {facts['channels']} channels",
        f"left out     {facts['left_out']} that cannot be decoded",
        f"classes      {classes['count']}, {members}",
        f"boxes        {boxes['boxes']} in {boxes['images']} images, {without}"
        f"median {classes['median_annotated']:g} annotated images per class"
        if boxes["boxes"]
        else "boxes        none",
    ]
    for rule, crops in facts["crops"].items():
        reasons = "; ".join(f"{count} {reason}" for reason, count in crops["reasons"].items())
        side = crops["median_shorter_side"]
        text.append(
            f"crop {rule:<8}{crops['usable']} usable"
            + (f", median shorter side {side:g} px" if side is not None else "")
            + (f" ({reasons})" if reasons else "")
        )
    return text if facts["left_out"] else [text[0], *text[2:]]


def describe_split(partitions: Partitions, labels: IntArray) -> dict[str, Any]:
    """Return how many images every part of every partition has, as JSON values.

    Args:
        partitions: what to count.
        labels: int64 ``[n]``, of the images that were partitioned.
    """
    sizes = {}
    for size, part in partitions.by_size.items():
        public = np.bincount(labels[part.public], minlength=int(labels.max()) + 1)
        sizes[str(size)] = {
            "bbox_A": len(part.bbox_a),
            "bbox_B": len(part.bbox_b),
            "shared": len(part.shared),
            "train": len(part.train_a),
            "public": len(part.public),
            "smallest_public_class": int(public.min()),
        }
    return {"sizes": sizes, "val_set": len(partitions.validation)}


def split_lines(facts: dict[str, Any]) -> list[str]:
    """Return what :func:`describe_split` found as lines of text."""
    text = [
        f"{size} per class: A and B train on {part['train']} images each, "
        f"{part['bbox_A']} their own and {part['shared']} shared; {part['public']} public, "
        f"{part['smallest_public_class']} or more of a class"
        for size, part in facts["sizes"].items()
    ]
    return [*text, f"validation set of probes: {facts['val_set']} public images"]


def _sizes(sizes: IntArray) -> dict[str, list[float]]:
    return {
        "smallest": sizes.min(axis=0).tolist(),
        "median": np.median(sizes, axis=0).tolist(),
        "largest": sizes.max(axis=0).tolist(),
    }


def _classes(images: ImageSet, usable: IntArray, annotated: NDArray[np.bool_]) -> dict[str, Any]:
    labels, count = images.labels[usable], len(images.classes)
    members = np.bincount(labels, minlength=count)
    boxed = np.bincount(labels[annotated[usable]], minlength=count)
    smallest, largest = int(members.argmin()), int(members.argmax())
    return {
        "count": count,
        "smallest": {"name": images.classes[smallest], "images": int(members[smallest])},
        "largest": {"name": images.classes[largest], "images": int(members[largest])},
        "median_annotated": float(np.median(boxed)),
        "images": dict(zip(images.classes, members.tolist(), strict=True)),
        "annotated": dict(zip(images.classes, boxed.tolist(), strict=True)),
    }


def _crops(
    images: ImageSet, usable: IntArray, min_px: float, corner_fraction: float
) -> dict[str, Any]:
    """Return, for every rule that can be applied, how many crops it finds."""
    boxes = images.boxes()
    mine = None if boxes is None else [boxes[row] for row in usable.tolist()]
    found: dict[str, Any] = {}
    for rule in get_args(CropRule):
        if mine is None and rule != "corner":
            continue
        crops = background_rectangles(images.sizes()[usable], mine, rule, min_px, corner_fraction)
        reasons, counts = np.unique(crops.reasons[~crops.usable], return_counts=True)
        sides = crops.shorter_sides[crops.usable]
        found[rule] = {
            "usable": int(crops.usable.sum()),
            "median_shorter_side": float(np.median(sides)) if len(sides) else None,
            "reasons": dict(zip(reasons.tolist(), counts.tolist(), strict=True)),
        }
    return found
