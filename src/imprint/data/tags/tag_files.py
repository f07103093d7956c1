"""Tags in files: those of other programs, and the format of the published tagger.

- a table, CSV: ``image,tag,score``, one tag a row (the score may be missing: 1);
- one JSON file: a list of ``{"image_path": …, "tags": […], "scores": […]}``;
- a folder ``labels/`` of such files, ``<class>_<name>_labels.json``, as the Recognize Anything
  tagger of the published study leaves them, beside ``frequencies/<class>_<name>_freq.json`` with
  ``{tag: [count, sum of scores]}`` of each class (dejavu spec §7.3).

Images are joined on as much of their path as file and image have (:mod:`imprint.data.name_join`).
"""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.data.name_join import match_names
from imprint.data.tags.annotation import Tags, tags_from_words
from imprint.reading import json_files
from imprint.reading.regular import open_regular
from imprint.study.json_io import read_json, write_json

MAX_TAG_BYTES = 1 << 29
Words = dict[str, dict[str, float]]
"""Name of an image, as in the file → tag → score."""


def check_tags(path: Path) -> None:
    """Check a file or folder of tags before long work begins.

    Raises:
        ImprintError: no such file, or one of another format.
    """
    _read_words(path)


def find_tag_files(path: Path) -> list[Path]:
    """Return the files that tags are read from: the file itself, or those of a folder.

    Raises:
        ImprintError: no such file, or a folder without any.
    """
    if path.is_dir():
        inner = path / "labels" if (path / "labels").is_dir() else path
        files = sorted(inner.glob("*_labels.json"))
        if not files:
            raise ImprintError(f"no *_labels.json in {inner}: check the path")
        return files
    if not path.is_file():
        raise ImprintError(f"no tags at {path}: check the path")
    return [path]


def read_tags(path: Path, names: Sequence[str]) -> Tags:
    """Return the tags of images by name; one that the file does not know has none.

    Args:
        path: a ``.csv`` or ``.json`` file, or a folder of ``*_labels.json``, or one that has such
            a folder ``labels``.
        names: of the images, such as ``n01440764/n01440764_18.JPEG``.

    Raises:
        ImprintError: no such file, one of another format, one that knows none of the images, or
            one that does not say which of two images it means.
    """
    words_of = _read_words(path)
    tags: list[dict[str, float]] = [{} for _ in names]
    known = np.zeros(len(names), dtype=bool)
    try:
        rows = match_names(list(words_of), names)
    except ImprintError as error:
        raise ImprintError(f"{path}: {error}") from error
    for words, row in zip(words_of.values(), rows, strict=True):
        if row is not None:
            known[row] = True
            _merge(tags[row], words.items())
    unknown = [name for name, is_known in zip(names, known.tolist(), strict=True) if not is_known]
    if len(unknown) == len(names):
        raise ImprintError(
            f"{path} has tags of {len(words_of)} images, but none of "
            f"{names[0] if names else 'these'}"
            f"{' or the others' if len(names) > 1 else ''}: check that it is of these images"
        )
    if unknown:
        log(f"{path}: no tags of {len(unknown)} of {len(names)} images, {unknown[0]} first")
    return tags_from_words([list(words.items()) for words in tags])


def write_labels(
    folder: Path,
    tags: Tags,
    names: Sequence[str],
    labels: IntArray,
    classes: Sequence[str],
    titles: Sequence[str] | None = None,
) -> None:
    """Write ``<class>_<title>_labels.json`` for every class that has images.

    Args:
        folder: usually called ``labels``.
        tags: of n images.
        names: of the images.
        labels: int64 ``[n]``.
        classes: identifier of each class, such as its WordNet id.
        titles: what each class is called; its identifier when None.
    """
    for label, stem in class_stems(labels, classes, titles):
        entries = [
            {
                "image_path": names[row],
                "tags": [word for word, _ in tags.words(row)],
                "scores": [score for _, score in tags.words(row)],
            }
            for row in np.flatnonzero(labels == label).tolist()
        ]
        write_json(folder / f"{stem}_labels.json", entries)


def write_frequencies(
    folder: Path,
    tags: Tags,
    labels: IntArray,
    classes: Sequence[str],
    titles: Sequence[str] | None = None,
) -> None:
    """Write ``<class>_<title>_freq.json``, ``{tag: [count, sum of scores]}``, for every class.

    Args:
        folder: usually called ``frequencies``.
        tags: of n images.
        labels: int64 ``[n]``.
        classes: identifier of each class.
        titles: what each class is called; its identifier when None.
    """
    of_tag = labels[tags.image_of_tag]
    for label, stem in class_stems(labels, classes, titles):
        mine = of_tag == label
        counts = np.bincount(tags.tags[mine], minlength=len(tags.vocabulary))
        sums = np.bincount(tags.tags[mine], tags.scores[mine], minlength=len(tags.vocabulary))
        content = {
            tags.vocabulary[tag]: [int(counts[tag]), float(sums[tag])]
            for tag in np.flatnonzero(counts)
        }
        write_json(folder / f"{stem}_freq.json", content)


def read_frequencies(folder: Path, classes: Sequence[str]) -> tuple[tuple[str, ...], IntArray]:
    """Return the tags of a folder of ``*_freq.json`` and their counts, int64 ``[V, C]``.

    Args:
        folder: ``frequencies``.
        classes: identifiers; the class of a file is the longest that its name starts with.

    Raises:
        ImprintError: no such files, one of no known class, or one of another format.
    """
    files = sorted(folder.glob("*_freq.json"))
    if not files:
        raise ImprintError(f"no *_freq.json in {folder}: check the path")
    cells: dict[tuple[str, int], int] = {}
    for file in files:
        label = _class_of(file, classes)
        content = read_json(file)
        try:
            for tag, (count, _) in content.items():
                if type(count) is not int or not 0 <= count < 1 << 40:
                    raise ValueError(f"{count!r} is no count")
                cells[tag, label] = cells.get((tag, label), 0) + count
        except (AttributeError, TypeError, ValueError) as error:
            raise ImprintError(f"{file} must hold {{tag: [count, sum of scores]}}") from error
    vocabulary = tuple(sorted({tag for tag, _ in cells}))
    number = {tag: row for row, tag in enumerate(vocabulary)}
    counts = np.zeros((len(vocabulary), len(classes)), dtype=np.int64)
    for (tag, label), count in cells.items():
        counts[number[tag], label] = count
    return vocabulary, counts


def _read_words(path: Path) -> Words:
    files = find_tag_files(path)
    if path.is_dir():
        return _collect(row for file in files for row in _json_rows(file))
    readers = {".csv": _csv_rows, ".json": _json_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ImprintError(f"{path}: tags are read from .csv and .json files and folders of them")
    return _collect(reader(path))


def _collect(rows: Iterable[tuple[str, list[tuple[str, float]]]]) -> Words:
    """Join rows by image; of a tag that comes twice, the higher score stays."""
    words: Words = defaultdict(dict)
    for image, pairs in rows:
        _merge(words[image], pairs)
    return dict(words)


def _merge(words: dict[str, float], pairs: Iterable[tuple[str, float]]) -> None:
    for tag, score in pairs:
        words[tag] = max(score, words.get(tag, -np.inf))


def _json_rows(file: Path) -> list[tuple[str, list[tuple[str, float]]]]:
    content = json_files.read_json(file, MAX_TAG_BYTES)
    try:
        if not isinstance(content, list):
            raise TypeError(f"a {type(content).__name__} stands there")
        return [_entry(entry) for entry in content]
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ImprintError(
            f'{file} must hold a list of {{"image_path", "tags", "scores"}} ({_reason(error)})'
        ) from error


def _entry(entry: Any) -> tuple[str, list[tuple[str, float]]]:
    image, tags = entry["image_path"], entry["tags"]
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise TypeError(f"tags must be a list of words, not {str(tags)[:40]!r}")
    if not isinstance(image, str):
        raise TypeError(f"image_path must be text, not {str(image)[:40]!r}")
    scores = entry.get("scores", [1.0] * len(tags))
    if not isinstance(scores, list) or len(scores) != len(tags):
        raise TypeError(f"{image} has {len(tags)} tags and other scores than one for each")
    return image, [(tag, _score(score)) for tag, score in zip(tags, scores, strict=True)]


def _reason(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _score(value: Any) -> float:
    try:
        score = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"the score {str(value)[:40]!r} is no number") from None
    if not math.isfinite(score):
        raise ValueError(f"the score {value} is no finite number")
    return score


def _csv_rows(file: Path) -> list[tuple[str, list[tuple[str, float]]]]:
    try:
        with open_regular(file) as stream:
            text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
            return [
                (
                    row["image"],
                    [(row["tag"], _score(row.get("score") or 1.0))] if row["tag"] else [],
                )
                for row in csv.DictReader(text, strict=True)
            ]
    except (OSError, UnicodeDecodeError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise ImprintError(
            f"{file} must be a table in UTF-8 with the columns image, tag and score "
            f"({_reason(error)})"
        ) from error


def class_stems(
    labels: IntArray, classes: Sequence[str], titles: Sequence[str] | None
) -> list[tuple[int, str]]:
    """Return every class that labels hold, and what files about it are called, ``ID_TITLE``."""
    called = classes if titles is None else titles
    return [
        (int(label), f"{classes[label]}_{called[label]}".replace("/", "-"))
        for label in np.unique(labels)
    ]


def _class_of(file: Path, classes: Sequence[str]) -> int:
    fitting = [
        (len(name), label) for label, name in enumerate(classes) if file.name.startswith(f"{name}_")
    ]
    if not fitting:
        raise ImprintError(
            f"{file.name} belongs to none of the classes of these images, {classes[0]} and others"
        )
    return max(fitting)[1]
