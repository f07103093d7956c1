"""Folders of texts as IMDB's: ``PART/CLASS/*.txt``, with a vocabulary in ``vocabulary.json``.

The vocabulary lies in the folder or in the one above. Texts of ``unsup`` have no class and are
passed over. Source of the layout: Maas et al. 2011, https://ai.stanford.edu/~amaas/data/sentiment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.data.folder_contents import folder_names
from imprint.data.records.checks import MAX_DENSE_BYTES
from imprint.data.records.records import ArrayRows
from imprint.data.records.source import RECORD_SOURCES, Content, Reading, RecordSource
from imprint.data.records.vocabulary import Vocabulary, read_vocabulary
from imprint.reading.regular import read_text

VOCABULARY = "vocabulary.json"
SUFFIX = ".txt"
UNLABELLED = "unsup"
MAX_TEXT_BYTES = 4 << 20
TRAIN = "train"


def open_texts(root: Path, reading: Reading) -> Content:
    """Return the texts of a folder as token ids, int64 ``[n, length]``.

    Raises:
        ImprintError: no vocabulary, no class folders, a class without texts, or texts that cannot
            be read.
    """
    vocabulary = read_vocabulary(vocabulary_file(root))
    files = text_files(root, reading.part)
    paths = [path for each in files.values() for path in each]
    return Content(
        ArrayRows(_encode(paths, vocabulary)),
        np.repeat(np.arange(len(files)), [len(each) for each in files.values()]),
        tuple(files),
        names=[f"{path.parent.name}/{path.stem}" for path in paths],
    )


def text_files(root: Path, part: str | None = None) -> dict[str, list[Path]]:
    """Return the texts of each class, classes and texts sorted by name.

    Args:
        root: holds a folder a class, or a folder a part with these inside.
        part: of the data; by default ``train``, if there is one.

    Raises:
        ImprintError: no class folders, a class without texts, or a folder that cannot be read.
    """
    base = root / (part or TRAIN)
    base = base if part or base.is_dir() else root
    files: dict[str, list[Path]] = {}
    for name in folder_names(base):
        if name != UNLABELLED:
            files[name] = [base / name / text for text in text_names(base / name)]
    empty = next((str(base / name) for name, paths in files.items() if not paths), None)
    if empty is not None or not files:
        raise ImprintError(
            f"{empty or base} holds no texts: expected {base.name}/CLASS/NAME{SUFFIX}"
        )
    return files


def read_texts(paths: Sequence[Path]) -> Iterator[str]:
    """Yield the content of text files, with progress.

    Raises:
        ImprintError: a file cannot be read, is too large, or is not UTF-8.
    """
    for path in track(paths, "read texts", len(paths), "texts"):
        try:
            yield read_text(path, MAX_TEXT_BYTES)
        except OSError as error:
            raise ImprintError(f"cannot read {path}: {error.strerror}") from error


def text_names(folder: Path) -> list[str]:
    """Return the names of the texts directly in a folder, sorted.

    Raises:
        ImprintError: the folder cannot be read.
    """
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))
    except OSError as error:
        raise ImprintError(f"cannot read the folder {folder}: {error.strerror}") from error


def vocabulary_file(root: Path) -> Path:
    """Return the vocabulary of a folder of texts, in it or in the folder above.

    Raises:
        ImprintError: there is none.
    """
    for folder in (root, root.parent):
        if (folder / VOCABULARY).is_file():
            return folder / VOCABULARY
    raise ImprintError(
        f"{root} has no {VOCABULARY}, there or in the folder above: write the words that the "
        'network knows, {"words": ["the", …], "length": 256}, as imprint data vocabulary does'
    )


def _encode(paths: list[Path], vocabulary: Vocabulary) -> IntArray:
    shape = (len(paths), vocabulary.length)
    if 8 * len(paths) * vocabulary.length > MAX_DENSE_BYTES:
        raise ImprintError(
            f"{shape[0]} texts of {shape[1]} tokens are more than {MAX_DENSE_BYTES >> 30} GiB: "
            f"state a smaller length in {VOCABULARY}"
        )
    ids = np.empty(shape, dtype=np.int64)
    for row, text in enumerate(read_texts(paths)):
        ids[row] = vocabulary.encode(text)
    return ids


def _recognises(source: Any) -> bool:
    """Whether the first class folder of the path, or of its training part, holds texts."""
    if not isinstance(source, str | os.PathLike):
        return False
    try:
        for base in (Path(source) / TRAIN, Path(source)):
            for name in folder_names(base)[:1]:
                with os.scandir(base / name) as entries:
                    first = next((e.name for e in entries if not e.name.startswith(".")), "")
                return first.endswith(SUFFIX)
    except (OSError, ValueError, ImprintError):
        return False
    return False


RECORD_SOURCES.register("texts")(
    RecordSource(
        _recognises,
        lambda source, reading: open_texts(Path(source), reading),
        70,
        "the path of a folder CLASS/NAME.txt with a vocabulary.json",
    )
)
