"""The tags of crops, batch by batch, and their files in the format of the published tagger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imprint.core.progress import track
from imprint.data.boxes.cropped import CroppedImages
from imprint.data.file_names import class_folders
from imprint.data.files import stream
from imprint.data.portion import numbered_anew
from imprint.data.tags.annotation import Annotator, Tags, join_tags
from imprint.data.tags.tag_files import write_frequencies, write_labels
from imprint.launch.shards import make_parts, name_of, of_one_task, remove_parts, shards_of
from imprint.probe.annotators.zero_shot import ZeroShotTagger
from imprint.study.counted import uncounted
from imprint.study.step import Step

BATCH = 256


def tag_crops(crops: CroppedImages, annotator: Annotator, size: int) -> Tags:
    """Return the tags of crops.

    Args:
        crops: at least one.
        annotator: what names things in them.
        size: side in pixels that the crops are resampled to.

    Raises:
        ImprintError: an image cannot be decoded.
    """
    batches = stream(crops.images, crops.index, crops.squares, size, BATCH)
    count = -(-len(crops) // BATCH)
    return join_tags(
        [annotator.annotate(batch) for batch in track(batches, "tag crops", count, "batch")]
    )


def write_tags(folder: Path, tags: Tags, crops: CroppedImages) -> None:
    """Write ``labels/`` and ``frequencies/`` (:mod:`imprint.data.tags.tag_files`).

    Args:
        folder: where to.
        tags: of the crops.
        crops: give names and classes.
    """
    names = [crops.name_of(row) for row in range(len(crops))]
    classes = class_folders(crops.images)
    write_labels(folder / "labels", tags, names, crops.labels, classes, crops.classes)
    write_frequencies(folder / "frequencies", tags, crops.labels, classes, crops.classes)


@dataclass(frozen=True)
class CropTags(Step):
    """The tags of crops, as files of the published tagger.

    Attributes:
        crops: the crops.
        tagger: hash of the tagger's folder.
        tags: words that it chooses among, with a minimum score each in ``thresholds``.
        prompts: texts that are compared with a crop, {} being the tag.
        top_tags: tags that a crop keeps at most.
        load: returns the tagger.
    """

    crops: CroppedImages
    tagger: str
    tags: tuple[str, ...]
    thresholds: tuple[float, ...]
    prompts: tuple[str, ...]
    top_tags: int
    load: Callable[[], ZeroShotTagger] = uncounted()

    artefact = "tags"
    resumable = True

    def build(self, path: Path) -> None:
        """Tag the crops and write the files."""
        shards = shards_of(len(self.crops), BATCH)
        if len(shards) == 1:
            with of_one_task():
                annotator = self.load()
                tags = tag_crops(self.crops, annotator, annotator.side)
        else:
            parts = [self._shard(rows) for rows in shards]
            batches = -(-len(self.crops) // BATCH)
            files = make_parts(self.artefact, path, parts, "tag crops", batches)
            tags = join_tags([_read_part(file, self.tags) for file in files])
        write_tags(path, tags, self.crops)
        remove_parts(path)

    def _shard(self, rows: slice) -> TagsOfShard:
        whole = self.crops.fingerprint()
        crops = numbered_anew(self.crops, np.arange(rows.start, rows.stop))
        settings = (self.tagger, self.tags, self.thresholds, self.prompts, self.top_tags)
        return TagsOfShard(str(whole), *settings, rows, crops, self.load)


@dataclass(frozen=True)
class TagsOfShard(Step):
    """The tags of some crops, as compressed rows; fields as of :class:`CropTags`.

    Attributes:
        whole: hash of all crops.
        rows: which of them.
        crops: these alone.
    """

    whole: str
    tagger: str
    tags: tuple[str, ...]
    thresholds: tuple[float, ...]
    prompts: tuple[str, ...]
    top_tags: int
    rows: slice = uncounted()
    crops: CroppedImages = uncounted()
    load: Callable[[], ZeroShotTagger] = uncounted()

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Named by the rows."""
        return f"{name_of(self.rows)}.npz"

    def build(self, path: Path) -> None:
        """Tag the crops."""
        annotator = self.load()
        tags = tag_crops(self.crops, annotator, annotator.side)
        with path.open("wb") as file:
            np.savez(file, offsets=tags.offsets, tags=tags.tags, scores=tags.scores)


def _read_part(file: Path, words: tuple[str, ...]) -> Tags:
    with np.load(file, allow_pickle=False) as arrays:
        return Tags(words, arrays["offsets"], arrays["tags"], arrays["scores"])
