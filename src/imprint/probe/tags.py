"""The tags of crops, batch by batch, and their files in the format of the published tagger."""

from __future__ import annotations

from pathlib import Path

from imprint.core.progress import track
from imprint.data.boxes.cropped import CroppedImages
from imprint.data.file_names import class_folders
from imprint.data.files import stream
from imprint.data.tags.annotation import Annotator, Tags, join_tags
from imprint.data.tags.tag_files import write_frequencies, write_labels

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
