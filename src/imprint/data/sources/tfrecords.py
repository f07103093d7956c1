"""Shards of TFRecords to files of images, each under the index that its record holds.

A shard is ``train-00017-of-01024`` or ``validation-…``, a record a ``tf.train.Example`` with
``image/encoded``, ``image/class/label`` (from 1), ``index`` and ``image/filename``, and perhaps
``image/class/synset``. Readers interleave shards, so that the place of a record means nothing: the
index alone says which image it is. The bytes are written as they are, to ``train/CLASS/NAME`` and
``val/CLASS/NAME``, and ``imagenet_index.npz`` beside them says which index each file has
(:mod:`imprint.data.sources.imagenet_index`). File names are kept, and the order of the index is
seldom that of sorted names, so the order stands in that file instead of in made-up names.

TensorFlow reads the records; it is the extra ``tf``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.core.extras import import_tensorflow
from imprint.core.progress import track
from imprint.data.digests import file_digests
from imprint.data.encoded.decode import SUFFIXES
from imprint.data.sources.imagenet_index import INDEX_FILE
from imprint.reading.regular import check_regular
from imprint.study.counted import uncounted
from imprint.study.step import Step

PARTS = {"train": "train", "validation": "val"}
"""Folder of each kind of shard."""
PREFIXES = {"train": "tr", "validation": "tt"}
_SHARD = re.compile(r"(train|validation)-(\d+)-of-(\d+)")
_NAME = re.compile(r"[^/\\\0.][^/\\\0]*")


@dataclass(frozen=True)
class Record:
    """One image as a record holds it.

    Attributes:
        index: of the example.
        label: from 0.
        folder: of its class: the synset, or the label where there is none.
        name: of the file.
        content: the encoded image.
    """

    index: int
    label: int
    folder: str
    name: str
    content: bytes


def find_shards(folder: Path) -> dict[str, list[Path]]:
    """Return the shards of each kind that is there, in order.

    Raises:
        ImprintError: there are none, or a shard of a kind is missing.
    """
    shards: dict[str, list[Path]] = {}
    matches = [(path, _SHARD.fullmatch(path.name)) for path in sorted(folder.glob("*-of-*"))]
    named = [(path, match) for path, match in matches if match]
    for kind in PARTS:
        own = {int(match[2]): (path, int(match[3])) for path, match in named if match[1] == kind}
        if not own:
            continue
        count = max(total for _, total in own.values())
        missing = [number for number in range(count) if number not in own]
        if missing or len({total for _, total in own.values()}) > 1:
            raise ImprintError(
                f"{folder} lacks {len(missing)} of {count} shards {kind}-*-of-{count:05d} (the "
                f"first is {min(missing, default=0)}): an index counts the images of all of them"
            )
        shards[kind] = [own[number][0] for number in range(count)]
    if not shards:
        raise ImprintError(
            f"{folder} holds no shards: expected train-00000-of-01024, validation-00000-of-00128, …"
        )
    return shards


def unpack(shards: Mapping[str, list[Path]], out: Path) -> dict[str, int]:
    """Write every image, and ``imagenet_index.npz``; files that are whole already stay.

    Args:
        shards: of each kind, as :func:`find_shards` gives them.
        out: the folder.

    Returns:
        How many images each part has.

    Raises:
        ImprintError: TensorFlow is missing, a shard is damaged, a record lacks something, or the
            indices are not 0, 1, 2, … each once.
    """
    arrays: dict[str, Any] = {}
    for kind, prefix in PREFIXES.items():
        listed = _unpack_part(shards.get(kind, []), out / PARTS[kind])
        rows = [listed[index] for index in range(len(listed)) if index in listed]
        if len(rows) < len(listed):
            lost = next(index for index in range(len(listed)) if index not in listed)
            raise ImprintError(
                f"the {kind} shards hold {len(listed)} images, but none of index {lost}: "
                "they must be all shards of one set"
            )
        arrays[f"{prefix}_filenames"] = np.array(
            [name.encode() for name, _ in rows], dtype=np.bytes_
        )
        arrays[f"{prefix}_labels"] = np.array([label for _, label in rows], dtype=np.int64)
    with replacing(out / INDEX_FILE) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)
    return {PARTS[kind]: len(arrays[f"{PREFIXES[kind]}_labels"]) for kind in shards}


def _unpack_part(shards: list[Path], folder: Path) -> dict[int, tuple[str, int]]:
    """Write the images of one kind of shard; return name and label by index."""
    listed: dict[int, tuple[str, int]] = {}
    names: set[str] = set()
    for shard in track(shards, f"unpack {folder.name}", len(shards), "shard"):
        for record in read_records(shard):
            if record.index in listed or record.name in names:
                raise ImprintError(
                    f"{shard}: index {record.index} or file {record.name} is duplicated: indices "
                    "and names must be unique"
                )
            listed[record.index] = (record.name, record.label)
            names.add(record.name)
            file = folder / record.folder / record.name
            if not file.is_file() or file.stat().st_size != len(record.content):
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(record.content)
    return listed


def read_records(shard: Path) -> Iterator[Record]:
    """Yield the records of a shard.

    Raises:
        ImprintError: TensorFlow is missing, the shard is damaged, or a record lacks something.
    """
    tensorflow = import_tensorflow()
    try:
        check_regular(shard)
        for number, content in enumerate(tensorflow.data.TFRecordDataset(str(shard))):
            example = tensorflow.train.Example.FromString(content.numpy())
            yield _record(example.features.feature, f"{shard}, record {number}")
    except ImprintError:
        raise
    except Exception as error:  # TensorFlow raises nearly anything on a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ImprintError(f"{shard} is damaged ({reason}): fetch it again") from error


def _record(feature: Any, where: str) -> Record:
    index = _only(feature, "index", "int64_list", where)
    label = _only(feature, "image/class/label", "int64_list", where) - 1
    content = _only(feature, "image/encoded", "bytes_list", where)
    name = _only(feature, "image/filename", "bytes_list", where).decode("utf-8").rsplit("/", 1)[-1]
    folder = f"{label:04d}"
    if "image/class/synset" in feature:
        folder = _only(feature, "image/class/synset", "bytes_list", where).decode("utf-8")
    if index < 0 or label < 0:
        raise ImprintError(
            f"{where}: index {index} or label {label + 1} is impossible: "
            "indices start at 0 and labels at 1"
        )
    if not (_NAME.fullmatch(name) and _NAME.fullmatch(folder)) or not content:
        raise ImprintError(f"{where}: {folder}/{name} is not a file name, or the file is empty")
    if Path(name).suffix.lower() not in SUFFIXES:
        raise ImprintError(f"{where}: {name} does not end as images do (.JPEG)")
    return Record(index, label, folder, name, content)


def _only(feature: Any, name: str, kind: str, where: str) -> Any:
    values = getattr(feature[name], kind).value if name in feature else []
    if len(values) != 1:
        raise ImprintError(f"{where} has {len(values)} values of {name}: expected one")
    return values[0]


@dataclass(frozen=True)
class RecordFiles(Step):
    """The images of shards as files.

    Attributes:
        shards: hash of every shard, by kind and name of the file.
        files: the shards of each kind, in order.
    """

    shards: Mapping[str, Mapping[str, str]]
    files: Mapping[str, list[Path]] = uncounted()

    artefact = "images"
    resumable = True

    @classmethod
    def of(cls, folder: Path, files: Mapping[str, list[Path]]) -> RecordFiles:
        """Return the step for the shards of a folder, as :func:`find_shards` gives them."""
        hashes = {}
        for kind, shards in files.items():
            names = [shard.name for shard in shards]
            rows = file_digests(folder, names)
            hashes[kind] = {
                name: row.tobytes().hex() for name, row in zip(names, rows, strict=True)
            }
        return cls(hashes, files)

    def build(self, path: Path) -> None:
        """Unpack the images that are not there yet."""
        unpack(self.files, path)
