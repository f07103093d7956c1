"""The tags that Naive Bayes read, as a table and as word clouds, for page and files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imprint.core.arrays import IntArray
from imprint.data.file_names import class_folders
from imprint.data.imageset import ImageSet
from imprint.data.tags.tag_files import find_tag_files, read_tags
from imprint.data.tags.tag_table import tabulate_tags
from imprint.lenses.dejavu.options import ReferenceChoice
from imprint.report.tag_clouds import write_tags_and_clouds
from imprint.study.counted import uncounted
from imprint.study.hashing import hash_file
from imprint.study.step import Step
from imprint.study.store import Study

ARTEFACT = "tables/one_model_tags"
NAIVE_BAYES = "naive_bayes"


@dataclass(frozen=True)
class BackgroundTags(Step):
    """Write the table of the tags of background crops, and a cloud a class.

    Attributes:
        images: the images.
        index: int64 ``[n]``, those whose crops the references read.
        hashes: of the files of tags.
        top_tags: tags per crop that are used.
        clouds: classes with a cloud.
        seed: of where words stand.
    """

    images: ImageSet
    index: IntArray
    hashes: tuple[str, ...]
    top_tags: int
    clouds: int
    seed: int
    tags: Path = uncounted()

    artefact = ARTEFACT

    def build(self, path: Path) -> None:
        """Write table and clouds."""
        names = [self.images.name_of(int(index)) for index in self.index]
        tags = read_tags(self.tags, names).top(self.top_tags)
        table = tabulate_tags(tags, self.images.labels[self.index], self.images.classes)
        write_tags_and_clouds(path, table, class_folders(self.images), self.clouds, self.seed)


def write_background_tags(
    study: Study, images: ImageSet, index: IntArray, choice: ReferenceChoice, seed: int
) -> None:
    """Write table and clouds where Naive Bayes reads tags made elsewhere; else nothing.

    Visual words, which stand in where there are no tags, are numbers that say nothing to a reader.

    Args:
        study: where they go.
        images: the images.
        index: int64 ``[n]``, those whose crops the references read.
        choice: of the references.
        seed: of where words stand.
    """
    if choice.tags is None or NAIVE_BAYES not in choice.references:
        return
    hashes = tuple(hash_file(file) for file in find_tag_files(choice.tags))
    step = BackgroundTags(images, index, hashes, choice.top_tags, choice.clouds, seed, choice.tags)
    study.run(step)
