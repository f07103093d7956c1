"""Folders of texts as IMDB's: ``PART/CLASS/*.txt``, with a vocabulary in ``vocabulary.json``.

The vocabulary lies in the folder or in the one above. Texts of ``unsup`` have no class and are
passed over. Source of the layout: Maas et al. 2011, https://ai.stanford.edu/~amaas/data/sentiment.
"""

from __future__ import annotations

import os
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
    base = root / (reading.part or TRAIN)
    base = base if reading.part or base.is_dir() else root
    vocabulary = read_vocabulary(_vocabulary_file(root))
    classes = [name for name in folder_names(base) if name != UNLABELLED]
    files = [(base / name, text_names(base / name)) for name in classes]
    empty = next((str(folder) for folder, names in files if not names), None)
    if empty is not None or not classes:
        raise ImprintError(
            f"{empty or base} holds no texts: expected {base.name}/CLASS/NAME{SUFFIX}"
        )
    paths = [folder / name for folder, names in files for name in names]
    return Content(
        ArrayRows(_encode(paths, vocabulary)),
        np.repeat(np.arange(len(classes)), [len(names) for _, names in files]),
        tuple(classes),
        names=[f"{path.parent.name}/{path.stem}" for path in paths],
    )


def text_names(folder: Path) -> list[str]:
    """Return the names of the texts directly in a folder, sorted.

    Raises:
        ImprintError: the folder cannot be read.
    """
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))
    except OSError as error:
        raise ImprintError(f"cannot read the folder {folder}: {error.strerror}") from error


def _vocabulary_file(root: Path) -> Path:
    for folder in (root, root.parent):
        if (folder / VOCABULARY).is_file():
            return folder / VOCABULARY
    raise ImprintError(
        f"{root} has no {VOCABULARY}, there or in the folder above: write the words that the "
        'network knows, {"words": ["the", …], "length": 256}'
    )


def _encode(paths: list[Path], vocabulary: Vocabulary) -> IntArray:
    shape = (len(paths), vocabulary.length)
    if 8 * len(paths) * vocabulary.length > MAX_DENSE_BYTES:
        raise ImprintError(
            f"{shape[0]} texts of {shape[1]} tokens are more than {MAX_DENSE_BYTES >> 30} GiB: "
            f"state a smaller length in {VOCABULARY}"
        )
    ids = np.empty(shape, dtype=np.int64)
    for row, path in enumerate(track(paths, "read texts", len(paths), "texts")):
        try:
            ids[row] = vocabulary.encode(read_text(path, MAX_TEXT_BYTES))
        except OSError as error:
            raise ImprintError(f"cannot read {path}: {error.strerror}") from error
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
