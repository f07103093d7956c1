"""Which files of a folder of Hugging Face datasets make up a part of it.

- ``save_to_disk`` of a Dataset: ``state.json``, which names ``data-00000-of-00002.arrow`` and so
  on; of a DatasetDict: ``dataset_dict.json``, which names a folder for each part;
- a folder of the Hub: ``data/train-00000-of-00003.parquet``, or ``CONFIG/train/0000.parquet``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.core.errors import ImprintError
from imprint.reading.json_files import read_json
from imprint.reading.regular import UnreadableFile

DATASET = "state.json"
PARTS = "dataset_dict.json"
_DEPTH = 3
_OF = re.compile(r"(?P<part>.+?)-(?P<number>\d{5})-of-(?P<count>\d{5})(-[0-9a-f]{8,})?")
_NUMBER = re.compile(r"(?:part[-_.]?)?\d+")


@dataclass(frozen=True)
class PartFiles:
    """Files in order.

    Attributes:
        files: of one kind.
        part: the name of the part, empty for all there is.
    """

    files: tuple[Path, ...]
    part: str

    @property
    def is_parquet(self) -> bool:
        """Whether they are Parquet files; else Arrow files."""
        return self.files[0].suffix == ".parquet"


def part_files(root: Path, part: str | None) -> PartFiles:
    """Return the files of one part; without a name, of ``train`` or of the only one.

    Raises:
        ImprintError: there is no such part, several may be meant, or a file of it is missing.
    """
    if root.is_file():
        return PartFiles((root,), _refused(root, part))
    if (root / PARTS).is_file():
        names = _texts(root / PARTS, "splits", lambda entry: entry)
        chosen = _choose(root, names, part)
        return PartFiles(_saved_files(root / chosen), chosen)
    if (root / DATASET).is_file():
        return PartFiles(_saved_files(root), _refused(root, part))
    arrows = sorted(root.glob("*.arrow"))
    if arrows:
        return PartFiles(tuple(arrows), _refused(root, part))
    return _parquet_part(root, part)


def is_dataset(root: Path) -> bool:
    """Return whether a folder or file is of Hugging Face datasets."""
    if root.is_file():
        return root.suffix in (".arrow", ".parquet")
    if not root.is_dir():
        return False
    return (
        (root / PARTS).is_file()
        or (root / DATASET).is_file()
        or next(root.glob("*.arrow"), None) is not None
        or next(root.glob("*.parquet"), None) is not None
        or next(root.glob("data/*.parquet"), None) is not None
    )


def _refused(root: Path, part: str | None) -> str:
    if part is not None:
        raise ImprintError(f"{root} is one part and has no part {part!r}: leave --part out")
    return ""


def _choose(root: Path, names: Sequence[str], part: str | None) -> str:
    if part is None:
        if "train" in names:
            return "train"
        if len(names) == 1:
            return names[0]
        listed = ", ".join(sorted(names)[:12])
        raise ImprintError(f"{root} has no part train: choose one with --part, {listed}")
    if part not in names:
        listed = ", ".join(sorted(names)[:12]) or "none"
        raise ImprintError(f"{root} has no part {part!r}: it has {listed}")
    return part


def _saved_files(folder: Path) -> tuple[Path, ...]:
    """Return the files that ``save_to_disk`` named, in its order."""
    state = folder / DATASET
    if not state.is_file():
        raise ImprintError(f"{folder} has no {DATASET}: save the data again")
    names = _texts(state, "_data_files", lambda entry: entry["filename"])
    missing = next((name for name in names if not os.path.isfile(folder / name)), None)
    if missing is not None or not names:
        lack = f"names {missing[:80]}, which is not there" if missing else "names no file"
        raise ImprintError(f"{state} {lack}: fetch the folder again")
    return tuple(folder / name for name in names)


def _texts(file: Path, key: str, text_of: Any) -> list[str]:
    """Return names that a file lists, none of which leads out of its folder."""
    try:
        names = [text_of(entry) for entry in read_json(file)[key]]
    except (KeyError, TypeError) as error:
        raise UnreadableFile(f"{file} does not list {key}: save the data again") from error
    except OSError as error:
        raise ImprintError(f"cannot read {file}: {error.strerror}") from error
    for name in names:
        is_plain = isinstance(name, str) and name not in ("", ".", "..")
        if not is_plain or "/" in name or "\\" in name or "\0" in name:
            raise UnreadableFile(f"{file} names {str(name)[:80]!r}, no file beside it: check it")
    return names


def _parquet_part(root: Path, part: str | None) -> PartFiles:
    groups: dict[str, dict[str, list[Path]]] = {}
    for file in _parquet_files(root, _DEPTH):
        folder, name = _part_of(root, file)
        groups.setdefault(name, {}).setdefault(folder, []).append(file)
    if not groups:
        raise ImprintError(
            f"{root} holds no Arrow or Parquet files: give the folder that save_to_disk wrote, or "
            "one with data/train-00000-of-00001.parquet"
        )
    chosen = _choose(root, list(groups), part)
    folders = groups[chosen]
    if len(folders) > 1:
        listed = ", ".join(sorted(folders)[:8])
        raise ImprintError(f"{root} holds several sets, {listed}: give the folder of one")
    (files,) = folders.values()
    _check_all(files)
    return PartFiles(tuple(sorted(files)), chosen)


def _parquet_files(folder: Path, depth: int) -> list[Path]:
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    files = [entry for entry in entries if entry.suffix == ".parquet" and entry.is_file()]
    for entry in entries:
        if depth and entry.is_dir() and not entry.is_symlink():
            files += _parquet_files(entry, depth - 1)
    return files


def _part_of(root: Path, file: Path) -> tuple[str, str]:
    """Return the set and the part that a file belongs to."""
    numbered = _OF.fullmatch(file.stem)
    if numbered is not None:
        return str(file.parent.relative_to(root)), numbered["part"]
    if _NUMBER.fullmatch(file.stem) and file.parent != root:
        return str(file.parent.parent.relative_to(root)), file.parent.name
    return str(file.parent.relative_to(root)), file.stem


def _check_all(files: Sequence[Path]) -> None:
    counts: dict[int, set[int]] = {}
    for file in files:
        numbered = _OF.fullmatch(file.stem)
        if numbered is not None:
            counts.setdefault(int(numbered["count"]), set()).add(int(numbered["number"]))
    for count, numbers in counts.items():
        missing = sorted(set(range(count)) - numbers) if count <= 10 * len(files) + 1000 else [-1]
        if missing or len(counts) > 1:
            raise ImprintError(
                f"{files[0].parent} lacks {count - len(numbers)} of {count} files "
                f"*-of-{count:05d}.parquet: fetch them"
            )
