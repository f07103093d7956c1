"""The header of a packed store, and the tables beside it.

A store is a folder:

- ``header.json``: what follows, and the SHA-256 of every table;
- ``pixels.npy``: uint8 ``[n, channels, H, W]``, in a store of pixels; or ``encoded.bin``: the bytes
  of one encoded image after another, in a store of files;
- tables as ``.npy``: ``labels`` int64 ``[n]``; ``digests`` uint8 ``[n, 32]``, the SHA-256 of each
  image as it was before it was packed, and ``stored``, that of its bytes here, where these are
  others; ``sizes`` int64 ``[n, 2]`` and ``offsets`` int64 ``[n + 1]`` of files; ``boxes`` int64
  ``[m, 4]`` with ``box_counts`` int64 ``[n]``; ``corrupt`` int64; ``names`` uint8, the names joined
  by zero bytes.

NumPy alone reads each of these files. The header is written last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.data.imageset import BoxEnds
from imprint.reading.array_files import read_npy
from imprint.reading.json_files import read_json
from imprint.reading.regular import UnreadableFile

SCHEMA = "imprint packed images 1"
HEADER = "header.json"
PIXELS_FILE = "pixels.npy"
BYTES_FILE = "encoded.bin"
MAX_CLASSES = 100_000
MAX_CHANNELS = 65_536
MAX_COUNT = 1 << 40
"""Of images, rows and columns; the files must be as long as their product besides."""
PACK_AGAIN = "pack the images again"

Kind = Literal["pixels", "files", "arrays"]
"""Files decoded to pixels; files as they are; a set that was arrays before."""

Tables = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Header:
    """What a store holds.

    Attributes:
        kind: what was packed, and how.
        name: what the set is called.
        part: of the data that was packed, as named then; empty for the training part.
        images: how many.
        channels: of every image.
        height: of every image of pixels; 0 in a store of files.
        width: likewise.
        classes: one name a class.
        class_folders: for each class the folder of files about its images; empty if it has none.
        box_ends: how boxes were read; None for a set without boxes.
        tables: SHA-256 of every table by name.
    """

    kind: Kind
    name: str
    part: str
    images: int
    channels: int
    height: int
    width: int
    classes: tuple[str, ...]
    class_folders: tuple[str, ...]
    box_ends: BoxEnds | None
    tables: Mapping[str, str]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Shape of the array of pixels."""
        return self.images, self.channels, self.height, self.width

    def to_json(self) -> dict[str, Any]:
        """Return the header as JSON values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"schema": SCHEMA, **values}


def is_packed(root: Path) -> bool:
    """Return whether a folder looks like a packed store."""
    return (root / HEADER).is_file() and (
        (root / PIXELS_FILE).exists() or (root / BYTES_FILE).exists()
    )


def read_header(root: Path) -> Header:
    """Return the header of a store.

    Raises:
        ImprintError: it is damaged, of another schema, or makes no sense.
    """
    file = root / HEADER
    try:
        content = read_json(file, remedy=PACK_AGAIN)
    except OSError as error:
        raise ImprintError(f"cannot read {file}: {error.strerror}") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        schema = content.get("schema") if isinstance(content, dict) else None
        raise ImprintError(
            f"{file} has the schema {schema!r}, this version reads {SCHEMA!r}: {PACK_AGAIN}"
        )
    problem = _problem(content)
    if problem:
        raise ImprintError(f"{file} is damaged ({problem}): {PACK_AGAIN}")
    lists = {name: tuple(content[name]) for name in ("classes", "class_folders")}
    plain = {field.name: content[field.name] for field in fields(Header)}
    return Header(**{**plain, **lists})


def _problem(content: Mapping[str, Any]) -> str:
    """Return what is wrong with the values of a header; empty for nothing."""
    missing = [field.name for field in fields(Header) if field.name not in content]
    if missing:
        return f"it lacks {missing[0]}"
    if content["kind"] not in get_args(Kind):
        return f"kind {content['kind']!r} is unknown"
    for name in ("images", "channels", "height", "width"):
        if type(content[name]) is not int or not 0 <= content[name] <= MAX_COUNT:
            return f"{name} is {content[name]!r}"
    if not 1 <= content["channels"] <= MAX_CHANNELS or not content["images"]:
        return f"{content['images']} images of {content['channels']} channels"
    if not all(isinstance(content[name], str) for name in ("name", "part")):
        return "its name is no text"
    for name in ("classes", "class_folders"):
        if not _are_texts(content[name]) or len(content[name]) > MAX_CLASSES:
            return f"{name} are no list of names"
    if len(content["class_folders"]) not in (0, len(content["classes"])):
        return "class_folders are not as many as classes"
    unsafe = [name for name in content["class_folders"] if not is_inside(name)]
    if unsafe:
        return f"class folder {unsafe[0]!r} is no plain path"
    if content["box_ends"] not in (None, *get_args(BoxEnds)):
        return f"box_ends is {content['box_ends']!r}"
    tables = content["tables"]
    if not isinstance(tables, dict) or not _are_texts(list(tables.values())):
        return "tables have no hashes"
    return ""


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def is_inside(name: str) -> bool:
    """Return whether a path stays within the folder that it starts from."""
    path = PurePosixPath(name)
    return not (path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name)


def hash_table(table: NDArray[Any]) -> str:
    """Return the SHA-256 of type, shape and values of an array."""
    digest = hashlib.sha256(f"{table.dtype.str} {table.shape} ".encode())
    digest.update(table.tobytes())
    return digest.hexdigest()


def read_tables(root: Path, header: Header) -> Tables:
    """Return the tables of a store.

    Raises:
        ImprintError: one is missing, damaged, or not the one that was written.
    """
    tables: Tables = {}
    for name, expected in header.tables.items():
        if not name.isidentifier():
            raise ImprintError(f"{root / HEADER} is damaged (table {name!r}): {PACK_AGAIN}")
        file = root / f"{name}.npy"
        try:
            tables[name] = read_npy(file)
        except FileNotFoundError:
            raise ImprintError(f"{root} lacks {file.name}: {PACK_AGAIN}") from None
        except UnreadableFile as error:
            raise ImprintError(f"{error}; {PACK_AGAIN}") from error
        except OSError as error:
            raise ImprintError(f"cannot read {file}: {error.strerror}") from error
        if hash_table(tables[name]) != expected:
            raise ImprintError(f"{file} is not the table that was packed: {PACK_AGAIN}")
    return tables
