"""WebDataset shards: tars whose members of one name are a sample, ``17.jpg`` with ``17.cls``.

``--data 'train-{000..099}.tar'`` names shards by a pattern (:mod:`imprint.data.shards.braces`);
``--data FOLDER`` takes the tars of a folder, and ``--data NAME.tar`` one. With a part, those of the
folder of that name, or those that have it as a word in their names, ``imagenet-train-000.tar``.

Images are numbered through the shards, sorted by name, in the order in which they lie there. A
number for a class (:mod:`imprint.data.shards.samples`) is called by the line of ``classes.txt`` or
``classnames.txt`` beside the shards, by a name written with it, or as it is; classes that are
written as names are sorted. Nothing is unpacked: shards are listed once, then read by offset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from imprint.core.errors import ImprintError
from imprint.data.encoded.byte_ranges import ByteRanges
from imprint.data.encoded.large_files import LargeFiles
from imprint.data.files import EncodedImages
from imprint.data.labels import numbered_labels
from imprint.data.shards.braces import expand_braces, has_braces
from imprint.data.shards.kept_samples import samples_of
from imprint.data.shards.samples import Samples
from imprint.data.sources.folder import set_name
from imprint.data.sources.registry import ImageListing, Layout, layouts, read_lines

CLASS_FILES = ("classes.txt", "classnames.txt")


def open_webdataset(root: Path, part: str | None) -> ImageListing:
    """List the images of shards.

    Raises:
        ImprintError: no shards, a shard of a range is missing, is damaged, or holds what cannot be
            read; images without classes, or no images.
    """
    shards = _shards(root, part)
    name = set_name(root)
    listed = samples_of(shards, name)
    counts = [len(samples.names) for _, samples in listed]
    empty = next((shard for shard, count in zip(shards, counts, strict=True) if not count), None)
    if empty is not None:
        raise ImprintError(
            f"the shard {empty} holds no image: expected members KEY.jpg with KEY.cls or KEY.json"
        )
    files = LargeFiles(
        tuple(shards),
        tuple(stamp for stamp, _ in listed),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
    )
    every = [samples for _, samples in listed]
    contents = ByteRanges(
        files,
        _names(shards, every),
        np.concatenate([samples.offsets for samples in every]),
        np.concatenate([samples.lengths for samples in every]),
        title=name,
    )
    written = [label for samples in every for label in samples.labels]
    _check_labels(root, contents, written, every)
    spoken = [word for samples in every for word in samples.class_names]
    labels, classes = numbered_labels(written, spoken, _class_file(shards[0].parent), str(root))
    return ImageListing(EncodedImages(contents, labels, classes, name))


def _shards(root: Path, part: str | None) -> list[Path]:
    pattern = str(root)
    if has_braces(pattern) and not root.exists():
        shards = sorted({Path(name) for name in expand_braces(pattern)})
        missing = [shard for shard in shards if not shard.is_file()]
        if missing:
            raise ImprintError(
                f"{pattern}: {len(missing)} of {len(shards)} shards are missing, {missing[0]} "
                "first: fetch them, or narrow the range"
            )
        return _of_part(root, shards, part)
    if root.is_file():
        if part is not None:
            raise ImprintError(f"{root} is one shard and has no part {part!r}: leave --part out")
        return [root]
    within = root / (part or "train")
    shards = _tars(within) if within.is_dir() else []
    return shards or _of_part(root, _tars(root), part)


def _of_part(root: Path, shards: Sequence[Path], part: str | None) -> list[Path]:
    own = [shard for shard in shards if (part or "train") in re.split(r"[-_.]", shard.name)]
    if part is not None and not own:
        words = sorted({re.split(r"[-_.]\d|\.", shard.name)[0] for shard in shards})
        raise ImprintError(
            f"{root} has no shards of part {part!r}: it has {', '.join(words[:12]) or 'none'}"
        )
    return own or list(shards)


def _tars(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*.tar") if not file.name.startswith("."))


def _names(shards: Sequence[Path], listed: Sequence[Samples]) -> list[str]:
    """Return the names of all images, with those of their shards where two share one."""
    names = [name for samples in listed for name in samples.names]
    if len(set(names)) == len(names):
        return names
    return [
        f"{shard.stem}/{name}"
        for shard, samples in zip(shards, listed, strict=True)
        for name in samples.names
    ]


def _check_labels(
    root: Path, contents: ByteRanges, written: Sequence[str], listed: Sequence[Samples]
) -> None:
    unlabelled = next((row for row, label in enumerate(written) if not label), None)
    if unlabelled is not None:
        raise ImprintError(
            f"{contents.place(unlabelled)} has no class: expected KEY.cls, a field label in "
            "KEY.json, or KEY.txt with one word or number"
        )
    if any(s.label_kind == "txt" for s in listed) and 2 * len(set(written)) > len(written) > 2:
        raise ImprintError(
            f"{root}: the texts KEY.txt hold captions rather than classes, {len(set(written))} "
            f"different ones of {len(written)}: add KEY.cls with the class of each image"
        )


def _class_file(folder: Path) -> Sequence[str]:
    file = next((folder / name for name in CLASS_FILES if (folder / name).is_file()), None)
    return () if file is None else [line.strip() for line in read_lines(file) if line.strip()]


def _recognises(root: Path) -> bool:
    if root.is_dir():
        return any(_places_of_tars(root))
    return root.suffix == ".tar" or has_braces(str(root))


def _places_of_tars(root: Path) -> Iterator[bool]:
    for folder in (root, root / "train"):
        yield folder.is_dir() and bool(_tars(folder))


layouts.register("webdataset")(
    Layout("NAME-000.tar or 'NAME-{000..099}.tar'", _recognises, open_webdataset)
)
