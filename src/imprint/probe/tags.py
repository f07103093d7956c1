"""The tags of crops, batch by batch, and their files in the format of the published tagger."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from imprint.core.progress import track
from imprint.data.boxes.cropped import CroppedImages
from imprint.data.file_names import class_folders
from imprint.data.files import stream
from imprint.data.tags.annotation import Annotator, Tags, join_tags
from imprint.data.tags.tag_files import write_frequencies, write_labels
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
        annotator: the tagger, which has a ``side`` in pixels.
    """

    crops: CroppedImages
    tagger: str
    tags: tuple[str, ...]
    thresholds: tuple[float, ...]
    prompts: tuple[str, ...]
    top_tags: int
    annotator: ZeroShotTagger = uncounted()

    artefact = "tags"

    def build(self, path: Path) -> None:
        """Tag the crops and write the files."""
        tags = tag_crops(self.crops, self.annotator, self.annotator.side)
        write_tags(path, tags, self.crops)
