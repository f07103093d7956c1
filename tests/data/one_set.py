"""The same images as a folder, as shards and as tables."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import parquet

CLASSES = ("cat", "dog", "hen")
FEATURES = {"image": {"_type": "Image"}, "label": {"names": list(CLASSES), "_type": "ClassLabel"}}


class Sample(NamedTuple):
    """An encoded image, its class, its name."""

    content: bytes
    label: int
    name: str


def samples(count=12, size=(20, 16), seed=0):
    """Images of sorted classes and names, as a folder lists them."""
    draw = np.random.default_rng(seed)
    per_class = -(-count // len(CLASSES))
    return [Sample(jpeg(draw, size), row // per_class, f"{row:04d}.jpg") for row in range(count)]


def jpeg(draw, size=(20, 16)):
    width, height = size
    pixels = draw.integers(0, 256, (height, width, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=90)
    return stream.getvalue()


def as_folder(folder: Path, images: Sequence[Sample]) -> Path:
    for image in images:
        file = folder / CLASSES[image.label] / image.name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(image.content)
    return folder


def write_tar(file: Path, members: Mapping[str, bytes] | Sequence[tuple[str, bytes]]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w") as archive:
        for name, content in members.items() if isinstance(members, Mapping) else members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file


def members_of(images: Sequence[Sample], label: str = "cls") -> dict[str, bytes]:
    members = {}
    for image in images:
        path = f"{CLASSES[image.label]}/{image.name}"
        members[path] = image.content
        stem = path.removesuffix(".jpg")
        if label == "cls":
            members[f"{stem}.cls"] = str(image.label).encode()
        elif label == "json":
            fields = {"label": image.label, "class_name": CLASSES[image.label]}
            members[f"{stem}.json"] = json.dumps(fields).encode()
        elif label == "txt":
            members[f"{stem}.txt"] = CLASSES[image.label].encode() + b"\n"
    return members


def as_shards(
    folder: Path, images: Sequence[Sample], shards: int = 2, label: str = "cls", stem: str = "s"
) -> Path:
    for number, rows in enumerate(np.array_split(np.arange(len(images)), shards)):
        part = [images[row] for row in rows]
        write_tar(folder / f"{stem}-{number:03d}.tar", members_of(part, label))
    if label == "cls":
        (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    return folder


def table_of(images: Sequence[Sample], features=FEATURES, **columns) -> pa.Table:
    structures = [
        {"bytes": image.content, "path": f"{CLASSES[image.label]}/{image.name}"} for image in images
    ]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table(
        {
            "image": pa.array(structures, kind),
            "label": pa.array([image.label for image in images], pa.int64()),
            **columns,
        }
    )
    if features is None:
        return table
    return table.replace_schema_metadata(
        {"huggingface": json.dumps({"info": {"features": features}})}
    )


def write_arrow(file: Path, table: pa.Table, rows: int = 5, as_file: bool = False) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    new = pa.ipc.new_file if as_file else pa.ipc.new_stream
    with pa.OSFile(str(file), "wb") as sink, new(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    return file


def as_saved(folder: Path, table: pa.Table, files: int = 2) -> Path:
    """Write what ``save_to_disk`` of a Dataset writes."""
    names = [f"data-{number:05d}-of-{files:05d}.arrow" for number in range(files)]
    for name, rows in zip(names, np.array_split(np.arange(len(table)), files), strict=True):
        write_arrow(folder / name, table.slice(int(rows[0]), len(rows)))
    state = {"_data_files": [{"filename": name} for name in names], "_split": None}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text("{}")
    return folder


def as_parquet(
    folder: Path, table: pa.Table, files: int = 2, part: str = "train", **settings
) -> Path:
    """Write what a folder of the Hub holds."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    settings = {"compression": "none", "use_dictionary": False, "row_group_size": 4, **settings}
    for number, rows in enumerate(np.array_split(np.arange(len(table)), files)):
        name = f"{part}-{number:05d}-of-{files:05d}.parquet"
        parquet.write_table(
            table.slice(int(rows[0]), len(rows)), folder / "data" / name, **settings
        )
    return folder


def age(folder: Path) -> None:
    """Make files old enough for what is known of them to be kept."""
    for file in folder.rglob("*"):
        os.utime(file, (10**9, 10**9))
