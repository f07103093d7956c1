"""Who trains on what: the déjà vu partition, and its files.

The partition (Meehan et al. 2023) makes, for a number n of training images per class, two training
sets A and B of equal size. In every class, with c annotated images and m = min(⌊c/2⌋, n):

- ``bbox_a`` takes annotated images 1…m, ``bbox_b`` the next m;
- ``shared`` takes the first n − m images without annotation (fewer if the class has fewer);
- ``public`` is the rest: left-over annotated images, then the others.

A trains on ``bbox_a`` and ``shared``, B on ``bbox_b`` and ``shared``. The public sets shrink as n
grows, so that of the largest n serves every n as the set X in which neighbours are searched.

On disk a partition has the file names of the published study: int64 indices in
``<n>_per_class/{bbox_A,bbox_B,public,shared,train_A,train_B}.npy`` and ``val_set.npy``, beside a
``manifest.json`` with the fingerprint of the data they index and the SHA-256 of each file.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import generator
from imprint.data.files import usable_indices
from imprint.data.imageset import ImageSet
from imprint.reading.array_files import read_npy
from imprint.study.hashing import hash_file
from imprint.study.json_io import read_json, write_json
from imprint.study.step import Step

MANIFEST = "manifest.json"
VALIDATION = "val_set.npy"
FILE_NAMES = {
    "bbox_a": "bbox_A",
    "bbox_b": "bbox_B",
    "shared": "shared",
    "train_a": "train_A",
    "train_b": "train_B",
    "public": "public",
}


@dataclass(frozen=True)
class Partition:
    """One partition; every field int64 indices, class by class.

    Attributes:
        bbox_a: annotated images that only A trains on; attacked.
        bbox_b: annotated images that only B trains on; attacked.
        shared: images both train on; never attacked.
        train_a: ``bbox_a`` and then ``shared``.
        train_b: ``bbox_b`` and then ``shared``.
        public: images neither trains on.
    """

    bbox_a: IntArray
    bbox_b: IntArray
    shared: IntArray
    train_a: IntArray
    train_b: IntArray
    public: IntArray


@dataclass(frozen=True)
class Partitions:
    """The partitions of one data set for several sizes.

    Attributes:
        by_size: partition of each number of training images per class, smallest first.
        validation: class-balanced validation set of probes, int64; the first images of every
            class of :attr:`public`, as many as its smallest class has.
    """

    by_size: dict[int, Partition]
    validation: IntArray

    @property
    def public(self) -> IntArray:
        """The public set X that serves every size: that of the largest."""
        return self.by_size[max(self.by_size)].public


def partition_images(
    images: ImageSet,
    boxes: Sequence[ArrayLike] | None,
    sizes: Sequence[int],
    shuffle_seed: int | None = None,
) -> Partitions:
    """Return the partition of a set of images for every size; corrupt images are in none.

    Args:
        images: labels and classes come from here.
        boxes: one ``[m, 4]`` array an image; an image with a box is annotated. None: all images
            count as annotated, as for the corner crop, which needs no boxes.
        sizes: numbers n of training images per class.
        shuffle_seed: shuffle each class first; None keeps the order of indices, as published.

    Raises:
        ImprintError: as :func:`partition`.
    """
    annotated = np.ones(len(images), dtype=bool)
    if boxes is not None:
        annotated[:] = [len(np.asarray(table)) > 0 for table in boxes]
    usable = usable_indices(images)
    return partition(images.labels, annotated, usable, images.classes, sizes, shuffle_seed)


def partition(
    labels: IntArray,
    annotated: NDArray[np.bool_],
    usable: IntArray,
    classes: Sequence[str],
    sizes: Sequence[int],
    shuffle_seed: int | None = None,
) -> Partitions:
    """Return the partition for every size n, after checking all its promises.

    Args:
        labels: int64 ``[N]``.
        annotated: bool ``[N]``.
        usable: indices that may be used.
        classes: name of each class, for messages.
        sizes: numbers n of training images per class.
        shuffle_seed: shuffle each class first; None keeps the order of indices.

    Raises:
        ImprintError: no size, a size below 1, a class with fewer than two annotated images, or a
            class that leaves no public image at the largest size.
    """
    wanted = sorted(set(sizes))
    if not wanted or wanted[0] < 1:
        raise ImprintError(
            f"sizes are {', '.join(map(str, sizes)) or 'none'}: choose numbers of training images "
            "per class, 1 or more"
        )
    ordered = usable
    if shuffle_seed is not None:
        ordered = generator(shuffle_seed, "partition").permutation(usable)
    boxed, plain = (
        _by_class(ordered[annotated[ordered] == kind], labels, len(classes))
        for kind in (True, False)
    )
    _check_classes(boxed, plain, classes, wanted[-1])
    partitions = {size: _partition(boxed, plain, size) for size in wanted}
    check_partitions(partitions, labels)
    largest = partitions[wanted[-1]].public
    return Partitions(partitions, _first_of_each_class(largest, labels, len(classes)))


def _by_class(indices: IntArray, labels: IntArray, classes: int) -> list[IntArray]:
    """Return the indices of each class, in the order given."""
    by_label = indices[np.argsort(labels[indices], kind="stable")]
    ends = np.cumsum(np.bincount(labels[indices], minlength=classes))
    return np.split(by_label, ends[:-1])


def _check_classes(
    boxed: Sequence[IntArray], plain: Sequence[IntArray], classes: Sequence[str], largest: int
) -> None:
    for name, annotated, others in zip(classes, boxed, plain, strict=True):
        if len(annotated) < 2:
            raise ImprintError(
                f"class {name!r} has {len(annotated)} annotated of {len(annotated) + len(others)} "
                "usable images, but A and B need one each: add images or boxes, or leave out "
                "the class"
            )
    name, most = min(zip(classes, _largest_sizes(boxed, plain), strict=True), key=itemgetter(1))
    if largest > most:
        remedy = f"choose at most {most:g}" if most else "add images, or leave out the class"
        raise ImprintError(
            f"{largest} training images per class leave class {name!r} without a public image: "
            + remedy
        )


def _largest_sizes(boxed: Sequence[IntArray], plain: Sequence[IntArray]) -> list[float]:
    """Return, for every class, the largest size that leaves it a public image.

    Of an odd number of annotated images one is always public.
    """
    return [
        math.inf if len(annotated) % 2 else len(annotated) // 2 + len(others) - 1
        for annotated, others in zip(boxed, plain, strict=True)
    ]


def _partition(boxed: Sequence[IntArray], plain: Sequence[IntArray], size: int) -> Partition:
    halves = [min(len(annotated) // 2, size) for annotated in boxed]
    bbox_a = _joined([c[:m] for c, m in zip(boxed, halves, strict=True)])
    bbox_b = _joined([c[m : 2 * m] for c, m in zip(boxed, halves, strict=True)])
    shared = _joined([others[: size - m] for others, m in zip(plain, halves, strict=True)])
    public = [
        np.concatenate([annotated[2 * m :], others[size - m :]])
        for annotated, others, m in zip(boxed, plain, halves, strict=True)
    ]
    return Partition(
        bbox_a=bbox_a,
        bbox_b=bbox_b,
        shared=shared,
        train_a=np.concatenate([bbox_a, shared]),
        train_b=np.concatenate([bbox_b, shared]),
        public=_joined(public),
    )


def _joined(parts: Sequence[IntArray]) -> IntArray:
    return np.concatenate(parts).astype(np.int64)


def _first_of_each_class(public: IntArray, labels: IntArray, classes: int) -> IntArray:
    by_class = _by_class(public, labels, classes)
    fewest = min(len(members) for members in by_class)
    return _joined([members[:fewest] for members in by_class])


def check_partitions(partitions: dict[int, Partition], labels: IntArray) -> None:
    """Check everything a partition promises.

    A and B have equally many images of their own in every class; no image is in two of
    ``bbox_a``, ``bbox_b``, ``shared``, ``public``; training sets are what they are made of;
    public sets are nested; and no training set meets the public set of the largest size.

    Raises:
        ImprintError: a promise is broken; the message says which, for which size.
    """
    largest = partitions[max(partitions)].public
    previous: IntArray | None = None
    for size, partition in sorted(partitions.items()):
        promises = {
            "A and B have the same number of own images in every class": np.array_equal(
                np.bincount(labels[partition.bbox_a], minlength=labels.max() + 1),
                np.bincount(labels[partition.bbox_b], minlength=labels.max() + 1),
            ),
            "A's and B's own images, shared and public images are disjoint": _all_different(
                partition.bbox_a, partition.bbox_b, partition.shared, partition.public
            ),
            "A trains on its own and the shared images": np.array_equal(
                partition.train_a, np.concatenate([partition.bbox_a, partition.shared])
            ),
            "B trains on its own and the shared images": np.array_equal(
                partition.train_b, np.concatenate([partition.bbox_b, partition.shared])
            ),
            "public images are public at every smaller size": previous is None
            or bool(np.isin(partition.public, previous).all()),
            "training images are not public at the largest size": not np.isin(
                np.concatenate([partition.train_a, partition.train_b]), largest
            ).any(),
        }
        for promise, kept in promises.items():
            if not kept:
                raise ImprintError(
                    f"the partition for {size} images per class is invalid: it must hold that "
                    f"{promise}; make the split again"
                )
        previous = partition.public


def _all_different(*sets: IntArray) -> bool:
    together = np.concatenate(sets)
    return len(np.unique(together)) == len(together)


@dataclass(frozen=True)
class PartitionFiles(Step):
    """The partitions of a set of images, one for every size, as index files.

    Attributes:
        data: the images.
        per_class: sizes: training images of each class.
        annotated: whether images without a box are kept apart; otherwise all are split alike.
        shuffle_seed: shuffles each class first; None keeps the order of indices, as published.
    """

    data: ImageSet
    per_class: tuple[int, ...]
    annotated: bool
    shuffle_seed: int | None = None

    artefact = "split"

    def build(self, path: Path) -> None:
        """Write the index files and their manifest."""
        boxes = self.data.boxes() if self.annotated else None
        partitions = partition_images(self.data, boxes, self.per_class, self.shuffle_seed)
        save_partition(path, partitions, self.data.fingerprint())


def save_partition(folder: Path, partitions: Partitions, fingerprint: str) -> None:
    """Write partitions and their manifest into a folder, which is made if need be.

    Args:
        folder: where to.
        partitions: what to write.
        fingerprint: of the images that were partitioned.
    """
    contents = {VALIDATION: partitions.validation}
    for size, partition in partitions.by_size.items():
        for field, name in FILE_NAMES.items():
            contents[_file_name(size, name)] = getattr(partition, field)
    hashes: dict[str, str] = {}
    for name, indices in contents.items():
        buffer = io.BytesIO()
        np.save(buffer, indices.astype(np.int64), allow_pickle=False)
        hashes[name] = hashlib.sha256(buffer.getvalue()).hexdigest()
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(buffer.getvalue())
    write_json(
        folder / MANIFEST,
        {"data": fingerprint, "sizes": list(partitions.by_size), "files": hashes},
    )


def load_partition(folder: Path, size: int, fingerprint: str | None = None) -> Partition:
    """Return the partition of one size, after checking every one of its files.

    Args:
        folder: written by :func:`save_partition`.
        size: number of training images per class.
        fingerprint: of the images it will index; None leaves that unchecked.

    Raises:
        ImprintError: no such partition, a file that was changed, or other images.
    """
    manifest = _manifest(folder, fingerprint)
    if size not in manifest["sizes"]:
        sizes = ", ".join(map(str, manifest["sizes"]))
        raise ImprintError(f"{folder} has no partition for {size} images per class: it has {sizes}")
    return _read_partition(folder, manifest, size)


def open_partition(folder: Path, per_class: int, images: ImageSet) -> Partition:
    """Return the partition in a folder of ``imprint data split``, or in the study that holds it."""
    split = folder if (folder / MANIFEST).exists() else folder / "split"
    return load_partition(split, per_class, images.fingerprint())


def load_partitions(folder: Path, fingerprint: str | None = None) -> Partitions:
    """Return all partitions of a folder; see :func:`load_partition`."""
    manifest = _manifest(folder, fingerprint)
    by_size = {size: _read_partition(folder, manifest, size) for size in manifest["sizes"]}
    return Partitions(by_size, _read(folder, manifest, VALIDATION))


def _read_partition(folder: Path, manifest: Any, size: int) -> Partition:
    return Partition(
        **{
            field: _read(folder, manifest, _file_name(size, name))
            for field, name in FILE_NAMES.items()
        }
    )


def _file_name(size: int, name: str) -> str:
    return f"{size}_per_class/{name}.npy"


def _manifest(folder: Path, fingerprint: str | None) -> Any:
    try:
        manifest = read_json(folder / MANIFEST)
    except OSError as error:
        raise ImprintError(
            f"no split at {folder} ({error.strerror}: {MANIFEST}): make it with imprint data split"
        ) from error
    if (
        not isinstance(manifest, dict)
        or not {"data", "sizes", "files"} <= manifest.keys()
        or not isinstance(manifest["files"], dict)
        or not isinstance(manifest["sizes"], list)
        or not all(type(size) is int for size in manifest["sizes"])
    ):
        raise ImprintError(f"{folder / MANIFEST} is not the manifest of a split: make it again")
    if fingerprint is not None and manifest["data"] != fingerprint:
        raise ImprintError(
            f"the split at {folder} was made for other images or other boxes (fingerprint "
            f"{str(manifest['data'])[:12]}…, these have {fingerprint[:12]}…): give the same --data "
            "and --boxes, or make it again"
        )
    return manifest


def _read(folder: Path, manifest: Any, name: str) -> IntArray:
    try:
        content_hash, indices = hash_file(folder / name), read_npy(folder / name)
    except OSError as error:
        raise ImprintError(f"cannot read {folder / name}: {error.strerror}") from error
    if content_hash != manifest["files"].get(name):
        raise ImprintError(
            f"{folder / name} is not the file that {MANIFEST} lists: make the split again"
        )
    if indices.ndim != 1 or indices.dtype.kind not in "iu":
        raise ImprintError(f"{folder / name} must hold whole numbers: make the split again")
    return np.asarray(indices, dtype=np.int64)
