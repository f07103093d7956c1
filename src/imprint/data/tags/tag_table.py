"""Which tags the pictures of each class have, and how much more often than those of others."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.data.tags.annotation import Tags
from imprint.stats.lift import lift
from imprint.study.tables import read_table, write_table

COLUMNS = ("class", "tag", "count", "pictures", "share", "share_elsewhere", "lift", "lift_low",
           "lift_high")  # fmt: skip


@dataclass(frozen=True)
class TagTable:
    """One row per class and tag that a picture of the class has, by class, then by count.

    Attributes:
        classes: names of the classes.
        vocabulary: the tags.
        label: int64 ``[r]``, a class.
        tag: int64 ``[r]``, a place in the vocabulary.
        count: int64 ``[r]``, pictures of the class that have the tag.
        pictures: int64 ``[r]``, pictures of the class, with and without tags.
        elsewhere: int64 ``[r]``, pictures of other classes that have the tag.
        other_pictures: int64 ``[r]``, pictures of other classes.
    """

    classes: tuple[str, ...]
    vocabulary: tuple[str, ...]
    label: IntArray
    tag: IntArray
    count: IntArray
    pictures: IntArray
    elsewhere: IntArray
    other_pictures: IntArray

    @property
    def share(self) -> FloatArray:
        """Share of the pictures of the class that have the tag, float64 ``[r]``."""
        return np.asarray(self.count / self.pictures)

    @property
    def share_elsewhere(self) -> FloatArray:
        """Share of the pictures of other classes that have it; 0 where there are none."""
        return np.asarray(self.elsewhere / np.maximum(self.other_pictures, 1))

    @property
    def lift(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Share over share elsewhere, smoothed by half a picture, with its interval.

        As :func:`imprint.stats.lift.lift` has it.
        """
        return lift(self.count, self.pictures, self.elsewhere, self.other_pictures)

    def rows_of(self, label: int) -> IntArray:
        """Return the rows of a class."""
        return np.flatnonzero(self.label == label)

    def telling(self) -> FloatArray:
        """Return how much the tags of each class give it away, in nats a picture, ``[C]``.

        The sum over tags of share · ln(lower end of the lift), where that is above 1: what the
        tags surely add to the evidence for the class.
        """
        low = self.lift[1]
        gain = np.where(low > 1, self.share * np.log(np.maximum(low, 1.0)), 0.0)
        return np.asarray(np.bincount(self.label, gain, len(self.classes)), dtype=np.float64)


def tabulate_tags(tags: Tags, labels: IntArray, classes: Sequence[str]) -> TagTable:
    """Return the table of the tags of n pictures.

    Args:
        tags: of the pictures.
        labels: int64 ``[n]``.
        classes: names of the classes.

    Raises:
        ImprintError: not one label a picture, or a label that is no class.

    Examples:
        >>> from imprint.data.tags.annotation import tags_from_words
        >>> tags = tags_from_words([[("sea", 1.0)], [("sea", 1.0), ("sky", 1.0)], [("sky", 1.0)]])
        >>> table = tabulate_tags(tags, np.array([0, 0, 1]), ["boat", "bird"])
        >>> [(table.vocabulary[t], int(c)) for t, c in zip(table.tag, table.count)]
        [('sea', 2), ('sky', 1), ('sky', 1)]
    """
    if labels.shape != (len(tags),) or (
        len(labels) and not 0 <= labels.min() <= labels.max() < len(classes)
    ):
        raise ImprintError(
            f"tags of {len(tags)} pictures need as many labels in 0…{len(classes) - 1}, got "
            f"{list(labels.shape)}"
        )
    cells = labels[tags.image_of_tag] * len(tags.vocabulary) + tags.tags
    different, count = np.unique(cells, return_counts=True)
    label, tag = np.divmod(different, max(1, len(tags.vocabulary)))
    order = np.lexsort((tag, -count, label))
    label, tag, count = label[order], tag[order], count[order]
    of_class = np.bincount(labels, minlength=len(classes))
    of_tag = np.bincount(tags.tags, minlength=len(tags.vocabulary))
    return TagTable(
        tuple(classes),
        tags.vocabulary,
        label,
        tag,
        count,
        of_class[label],
        of_tag[tag] - count,
        len(tags) - of_class[label],
    )


def write_tag_table(folder: Path, table: TagTable) -> None:
    """Write ``tags.parquet`` and ``tags.csv``, the same rows."""
    ratio, low, high = table.lift
    columns = {
        "class": _texts(table.classes)[table.label],
        "tag": _texts(table.vocabulary)[table.tag],
        "count": table.count,
        "pictures": table.pictures,
        "share": table.share,
        "share_elsewhere": table.share_elsewhere,
        "lift": ratio,
        "lift_low": low,
        "lift_high": high,
    }
    hidden = {"label": table.label, "elsewhere": table.elsewhere, "others": table.other_pictures}
    write_table(
        folder / "tags.parquet", {"index": np.arange(len(table.label)), **columns, **hidden}
    )
    with (
        replacing(folder / "tags.csv") as temporary,
        temporary.open("w", encoding="utf-8", newline="") as stream,
    ):
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(zip(*(columns[name].tolist() for name in COLUMNS), strict=True))


def _texts(words: Sequence[str]) -> NDArray[np.object_]:
    """Return words as UTF-8 can hold them: half a surrogate pair becomes a question mark."""
    return np.array([word.encode("utf-8", "replace").decode("utf-8") for word in words], object)


def read_tag_table(folder: Path, classes: Sequence[str]) -> TagTable:
    """Return what :func:`write_tag_table` wrote.

    Args:
        folder: holds ``tags.parquet``.
        classes: names of all classes.

    Raises:
        ImprintError: no such table, or one of other classes.
    """
    path = folder / "tags.parquet"
    columns = read_table(path)
    label = columns["label"]
    if len(label) and not 0 <= label.min() <= label.max() < len(classes):
        raise ImprintError(f"{path} is of other classes than these: delete it and run again")
    words, tag = np.unique(columns["tag"].astype(str), return_inverse=True)
    return TagTable(
        tuple(classes),
        tuple(words.tolist()),
        label.astype(np.int64),
        tag.astype(np.int64),
        *(columns[name].astype(np.int64) for name in ("count", "pictures", "elsewhere", "others")),
    )
