"""The tags of every class as a table and as word clouds, in files of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.arrays import IntArray
from imprint.core.progress import track
from imprint.core.seeds import derive
from imprint.data.boxes.cropped import CroppedImages
from imprint.data.file_names import class_folders
from imprint.data.imageset import ImageSet
from imprint.data.tags.tag_files import class_stems, read_tags
from imprint.data.tags.tag_table import TagTable, tabulate_tags, write_tag_table
from imprint.report.figures.cloud import Cloud, CloudWord
from imprint.report.plot_files import plots_as_files
from imprint.report.wording import percent, plural, significant
from imprint.study.counted import uncounted
from imprint.study.step import Step


@dataclass(frozen=True)
class TagClouds(Step):
    """Table and clouds of the tags of crops, which another step wrote.

    Attributes:
        crops: the crops.
        most: classes with a cloud.
        seed: of where words stand.
        tags: folder of the tags.
        inputs: what they were made from.
    """

    crops: CroppedImages
    most: int
    seed: int
    tags: Path = uncounted()
    inputs: tuple[str, ...] = uncounted()  # type: ignore[misc]  # varies

    artefact = "tag_clouds"

    def build(self, path: Path) -> None:
        """Write table and clouds."""
        names = [self.crops.name_of(row) for row in range(len(self.crops))]
        tags = read_tags(self.tags, names)
        table = tabulate_tags(tags, self.crops.labels, self.crops.classes)
        write_tags_and_clouds(path, table, class_folders(self.crops.images), self.most, self.seed)


@dataclass(frozen=True)
class ImageTagClouds(Step):
    """Table and clouds of the tags of whole images, made elsewhere.

    Attributes:
        images: the images.
        index: int64 ``[n]``, which of them.
        hashes: of the files of tags.
        top_tags: of each image, 0 for all.
        most: classes with a cloud.
        seed: of where words stand.
    """

    images: ImageSet
    index: IntArray
    hashes: tuple[str, ...]
    top_tags: int
    most: int
    seed: int
    tags: Path = uncounted()

    artefact = "tag_clouds"

    def build(self, path: Path) -> None:
        """Write table and clouds."""
        names = [self.images.name_of(int(index)) for index in self.index]
        tags = read_tags(self.tags, names)
        tags = tags.top(self.top_tags) if self.top_tags else tags
        table = tabulate_tags(tags, self.images.labels[self.index], self.images.classes)
        write_tags_and_clouds(path, table, class_folders(self.images), self.most, self.seed)


def write_tags_and_clouds(
    folder: Path, table: TagTable, class_names: Sequence[str], most: int, seed: int
) -> None:
    """Write ``tags.parquet``, ``tags.csv`` and ``clouds/CLASS.svg`` and ``.png``.

    A cloud of a class that has another title, as a WordNet id has, is called ``CLASS_TITLE``.

    Args:
        folder: where to.
        table: of the tags.
        class_names: the identifier of each class in names of files.
        most: classes with a cloud, the most telling first.
        seed: of where words stand.
    """
    (folder / "clouds").mkdir(parents=True, exist_ok=True)
    write_tag_table(folder, table)
    stems = _cloud_stems(table, class_names)
    chosen = most_telling_classes(table, most)
    with plots_as_files(folder / "clouds"):
        for label in track(chosen, "draw word clouds", len(chosen), "class"):
            tag_cloud(table, label, stems[label], seed).svg()


def _cloud_stems(table: TagTable, class_names: Sequence[str]) -> dict[int, str]:
    if tuple(class_names) == tuple(table.classes):
        return {label: name.replace("/", "-") for label, name in enumerate(class_names)}
    return dict(class_stems(table.label, class_names, table.classes))


def most_telling_classes(table: TagTable, most: int) -> list[int]:
    """Return classes that have tags, the most telling first, at most so many."""
    tagged = np.unique(table.label)
    order = np.argsort(-table.telling()[tagged], kind="stable")
    return [int(label) for label in tagged[order][:most]]


def tag_cloud(table: TagTable, label: int, name: str, seed: int) -> Cloud:
    """Return the cloud of a class: sized by count, coloured where more frequent than elsewhere.

    Args:
        table: of the tags.
        label: of the class, which has tags.
        name: of the figure.
        seed: of where words stand.
    """
    rows = table.rows_of(label)
    ratio, low, _ = table.lift
    words = [
        CloudWord(
            table.vocabulary[table.tag[row]],
            float(table.count[row]),
            "target" if low[row] > 1 else "muted",
        )
        for row in rows
    ]
    best = int(rows[np.argmax(low[rows])])
    pictures = plural(int(table.pictures[best]), "picture")
    return Cloud(
        name=name,
        title=table.classes[label],
        caption=f"Tags of {pictures}.",
        description=f"Word cloud of {table.classes[label]}: {table.vocabulary[table.tag[best]]} in "
        f"{percent(float(table.share[best]))}, {significant(float(ratio[best]))} times as often as "
        "elsewhere.",
        words=words,
        seed=derive(seed, "word cloud", table.classes[label]) % 2**32,
    )
