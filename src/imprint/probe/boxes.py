"""Boxes for images that have none, class by class, so that a killed run loses one class at most.

Writes, in the layout of the published study (dejavu spec §2.4):

    Annotation/CLASS/STEM.xml   one Pascal VOC file an image with a detection
    summary.json                {class name: images with a detection}
    bbox_annotation_idx.npy     int64, the indices of those images, sorted
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from imprint.core.arrays import IntArray, Pixels
from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.data.boxes.voc_files import write_voc
from imprint.data.encoded.decode import to_array
from imprint.data.file_names import class_folders, export_names, stems
from imprint.data.files import EncodedImages, usable_indices
from imprint.data.geometry import whole_rectangles
from imprint.data.imageset import ArrayImages, ImageSet
from imprint.data.picture import to_picture
from imprint.launch.shards import make_parts, name_of, of_one_task, remove_parts, shards_of
from imprint.probe.annotators.detector import OpenVocabularyDetector, clean_name
from imprint.study.counted import uncounted
from imprint.study.json_io import write_json
from imprint.study.step import Step

ANNOTATION = "Annotation"
SUMMARY = "summary.json"
INDICES = "bbox_annotation_idx.npy"
_WNID = re.compile(r"n\d{8}")


def write_boxes(
    folder: Path,
    images: ImageSet,
    indices: IntArray,
    detector: OpenVocabularyDetector,
    batch_size: int,
) -> None:
    """Look for the class of each image in it, and write what is found.

    Args:
        folder: where to; classes that are whole there stay as they are.
        images: where pixels, classes and names come from.
        indices: int64 ``[n]``, which of them; those left out as corrupt are passed over.
        detector: asked for the name of each image's own class.
        batch_size: images a forward pass.

    Raises:
        ImprintError: the classes have no names, or an image cannot be decoded.
    """
    indices = indices[np.isin(indices, usable_indices(images))]
    check_names(images)
    export_names(images, indices.tolist())
    write_classes(folder / ANNOTATION, images, indices, detector, batch_size)
    write_facts(folder, images, indices)


def write_classes(
    folder: Path,
    images: ImageSet,
    indices: IntArray,
    detector: OpenVocabularyDetector,
    batch_size: int,
) -> None:
    """Write the boxes of the images of each class into a folder of the class.

    Arguments as of :func:`write_boxes`; classes whose folder is there stay as they are.
    """
    folders = class_folders(images)
    labels = np.unique(images.labels[indices]).tolist()
    for label in track(labels, "detect", len(labels), "class"):
        target = folder / folders[label]
        if not target.is_dir():
            mine = indices[images.labels[indices] == label]
            with replacing(target) as temporary:
                temporary.mkdir(parents=True)
                _write_class(temporary, images, mine, folders[label], detector, batch_size)


def write_facts(folder: Path, images: ImageSet, indices: IntArray) -> None:
    """Write which images have boxes, once all classes are there."""
    folders = class_folders(images)
    boxed_rows: dict[int, list[int]] = {}
    for label in np.unique(images.labels[indices]).tolist():
        mine = indices[images.labels[indices] == label]
        target = folder / ANNOTATION / folders[label]
        names = stems(images, mine.tolist())
        boxed_rows[label] = [
            index
            for index, stem in zip(mine.tolist(), names, strict=True)
            if (target / f"{stem}.xml").exists()
        ]
    titles = _titles(images, folders)
    write_json(folder / SUMMARY, {titles[label]: len(rows) for label, rows in boxed_rows.items()})
    boxed = np.sort(np.array([row for rows in boxed_rows.values() for row in rows], dtype=np.int64))
    with replacing(folder / INDICES) as temporary, temporary.open("wb") as file:
        np.save(file, boxed, allow_pickle=False)


def check_names(images: ImageSet) -> None:
    """Check that the classes are called by words, which a detector can look for.

    Raises:
        ImprintError: a class is called by its WordNet id.
    """
    nameless = next((name for name in images.classes if _WNID.fullmatch(name)), None)
    if nameless is not None:
        raise ImprintError(
            f"the classes of {images.name} have no names to look for, only ids such as {nameless}: "
            "put words.txt or LOC_synset_mapping.txt into the folder of the images"
        )


def picture(images: ImageSet, index: int) -> Pixels:
    """Return one whole image in its own size, uint8 ``[channels, H, W]``.

    Raises:
        ImprintError: it cannot be decoded.
    """
    if isinstance(images, EncodedImages):
        return to_array(images.picture(index))
    if isinstance(images, ArrayImages):
        pixels: Pixels = images.pixels[index]
        return pixels
    width, height = (int(side) for side in images.sizes()[index])
    one = np.array([index])
    square = images.read(one, whole_rectangles([[width, height]]), max(width, height))[0]
    return to_array(to_picture(square).resize((width, height)))


def _write_class(
    folder: Path,
    images: ImageSet,
    indices: IntArray,
    class_folder: str,
    detector: OpenVocabularyDetector,
    batch_size: int,
) -> None:
    name = images.classes[int(images.labels[indices[0]])]
    for start in range(0, len(indices), batch_size):
        rows = indices[start : start + batch_size].tolist()
        pictures = [picture(images, row) for row in rows]
        detections = detector.detect(pictures, clean_name(name))
        for row, pixels, detection in zip(rows, pictures, detections, strict=True):
            if len(detection.boxes):
                (stem,) = stems(images, [row])
                height, width = pixels.shape[1:]
                write_voc(
                    folder / f"{stem}.xml",
                    detection.boxes.tolist(),
                    (width, height),
                    class_folder,
                    Path(images.name_of(row)).name,
                    name,
                    images.channels,
                    detection.scores.tolist(),
                )


def _titles(images: ImageSet, folders: Sequence[str]) -> list[str]:
    """Return the name of each class, with its folder where two are called alike."""
    return [
        name if images.classes.count(name) == 1 else f"{name} ({folder})"
        for name, folder in zip(images.classes, folders, strict=True)
    ]


@dataclass(frozen=True)
class BoxFiles(Step):
    """The boxes that a detector finds, as Pascal VOC files.

    Attributes:
        data: the images.
        indices: int64 ``[n]``, which of them.
        detector: hash of the detector's folder.
        prompt: the text that is searched for, {} being the name of the class.
        box_threshold, text_threshold: minimum scores of a box and of a word.
        load: returns the detector.
        batch_size: images a forward pass.
    """

    data: ImageSet
    indices: IntArray
    detector: str
    prompt: str
    box_threshold: float
    text_threshold: float
    load: Callable[[], OpenVocabularyDetector] = uncounted()
    batch_size: int = uncounted()

    artefact = "boxes"
    resumable = True

    def build(self, path: Path) -> None:
        """Detect class by class; classes that are whole stay."""
        indices = self.indices[np.isin(self.indices, usable_indices(self.data))]
        labels = np.unique(self.data.labels[indices])
        shards = shards_of(len(labels), 1)
        if len(shards) == 1:
            with of_one_task():
                write_boxes(path, self.data, indices, self.load(), self.batch_size)
        else:
            self._in_shards(path, indices, labels, shards)
        remove_parts(path)

    def _in_shards(
        self, path: Path, indices: IntArray, labels: IntArray, shards: list[slice]
    ) -> None:
        """Write the boxes from those of shards of the classes."""
        check_names(self.data)
        export_names(self.data, indices.tolist())
        parts = [
            BoxesOfClasses(
                **{field.name: getattr(self, field.name) for field in fields(BoxFiles)},
                classes=tuple(labels[rows].tolist()),
                rows=rows,
            )
            for rows in shards
        ]
        for part in make_parts(self.artefact, path, parts, "detect", len(labels), "class"):
            for folder in part.iterdir():
                (path / ANNOTATION).mkdir(exist_ok=True)
                folder.rename(path / ANNOTATION / folder.name)
        write_facts(path, self.data, indices)


@dataclass(frozen=True, kw_only=True)
class BoxesOfClasses(BoxFiles):
    """The boxes that a detector finds in the images of some classes, a folder a class.

    Attributes:
        classes: numbers of the classes.
        rows: of all classes.
    """

    classes: tuple[int, ...]
    rows: slice = uncounted()

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Named by the rows."""
        return name_of(self.rows)

    def build(self, path: Path) -> None:
        """Detect class by class; classes that are whole stay."""
        usable = self.indices[np.isin(self.indices, usable_indices(self.data))]
        mine = usable[np.isin(self.data.labels[usable], self.classes)]
        write_classes(path, self.data, mine, self.load(), self.batch_size)
