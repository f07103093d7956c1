"""``imprint data crops``, ``tag`` and ``boxes``: what the background shows, where the object is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imprint.study.command import command
from imprint.study.options import Common, CropChoice, DataChoice


@dataclass(frozen=True, kw_only=True)
class _Backgrounds(DataChoice, CropChoice, Common):
    """Images, and which part of each is its background."""

    indices: Path | None = None
    """A .npy file of image indices, e.g. bbox_A.npy of imprint data split; all when left out."""

    def _found(self) -> Any:
        from imprint.data.boxes.crop_files import background_crops
        from imprint.data.choice import open_choice
        from imprint.train.command import read_indices

        images = open_choice(self, self.seed)
        return background_crops(
            images,
            read_indices(self.indices, images),
            self.crop,
            self.min_crop_px,
            self.corner_fraction,
            self.corner,
            self.centre_fraction,
        )


@command("data crops", "background crops as files")
@dataclass(frozen=True, kw_only=True)
class Crops(_Backgrounds):
    """Write the background crop of every image to OUT/crops/CLASS/NAME.png.

    OUT/crops.json counts them by class, and those without one by reason. The folder opens as data
    (--data OUT/crops), e.g. to train a classifier from background to label.
    """

    size: int = 224
    """Side of the files in pixels."""

    def run(self) -> dict[str, Any]:
        """Write the crops; return the content of ``crops.json``."""
        import numpy as np

        from imprint.core.errors import ImprintError
        from imprint.data.boxes.crop_files import write_crops
        from imprint.data.file_names import class_folders
        from imprint.study.store import Study, write_json

        if self.size < 1:
            raise ImprintError(f"--size is {self.size}: it must be at least 1 pixel")
        found = self._found()
        crops = found.crops

        def build(folder: Path) -> None:
            write_crops(folder, crops, self.size)

        settings = {"crops": crops.fingerprint(), "size": self.size}
        Study(self.out).step("crops", settings, build, resumable=True)
        counts = np.bincount(crops.labels, minlength=len(crops.classes))
        names = class_folders(crops.images)
        facts = {
            "crops": len(crops),
            "without": dict(found.reasons),
            "classes": {name: int(count) for name, count in zip(names, counts, strict=True)},
        }
        write_json(self.out / "crops.json", facts)
        if not self.json:
            without = ", ".join(f"{count} {why}" for why, count in found.reasons.items())
            print(f"{self.out / 'crops'}: {len(crops)} crops" + (f"; {without}" if without else ""))
        return facts


@command("data tag", "tags of backgrounds, by CLIP or SigLIP")
@dataclass(frozen=True, kw_only=True)
class Tag(_Backgrounds):
    """Tag the background of every image by a model of transformers, e.g. CLIP or SigLIP.

    Writes OUT/tags/labels/CLASS_NAME_labels.json, the tags of each image with their scores, and
    OUT/tags/frequencies/CLASS_NAME_freq.json, {tag: [count, sum of scores]}: the files of the
    published tagger. Needs the extra models.
    """

    model: Path
    """Folder of a model that embeds pictures and texts: config.json, *.safetensors, tokenizer."""
    tag_list: Path
    """Text file of tags, one a line, behind a tab maybe a threshold of its own."""
    threshold: float = 0.0
    """Least score of a tag without a threshold of its own."""
    top: int = 5
    """Tags an image keeps at most, the best."""
    prompt: str = "a photo of {}"
    """What is compared with a crop, {} being the tag; several, between bars, are averaged."""
    batch_size: int = 64
    """Crops a forward pass."""

    def run(self) -> dict[str, Any]:
        """Tag; return where the tags are and how many there are."""
        from imprint.core.device import choose_device
        from imprint.probe.annotators.local_model import folder_hash
        from imprint.probe.annotators.zero_shot import load_tagger, read_tag_list
        from imprint.probe.tags import tag_crops, write_tags
        from imprint.study.store import Study

        tags = read_tag_list(self.tag_list, self.threshold)
        prompts = self.prompt.split("|")
        device = choose_device(self.device)
        tagger = load_tagger(self.model, tags, prompts, self.top, device, self.batch_size)
        crops = self._found().crops

        def build(folder: Path) -> None:
            write_tags(folder, tag_crops(crops, tagger, tagger.side), crops)

        settings = {
            "crops": crops.fingerprint(),
            "model": folder_hash(self.model),
            "tags": list(tags.words),
            "thresholds": tags.thresholds.tolist(),
            "prompts": prompts,
            "top": self.top,
        }
        folder = Study(self.out).step("tags", settings, build)
        if not self.json:
            print(f"{folder}: tags of {len(crops)} crops by {tagger.name}")
        return {"tags": str(folder), "annotator": tagger.name, "crops": len(crops)}


@command("data boxes", "boxes of objects, by a detector")
@dataclass(frozen=True, kw_only=True)
class Boxes(DataChoice, Common):
    """Look for the object of every image by Grounding DINO, OWL-ViT or OWLv2; write its boxes.

    Writes OUT/boxes/Annotation/CLASS/NAME.xml (--boxes OUT/boxes then reads them),
    OUT/boxes/summary.json, {class name: images with a detection}, and
    OUT/boxes/bbox_annotation_idx.npy, the indices of those images. Needs the extra models.
    """

    model: Path
    """Folder of a detector of transformers: config.json, *.safetensors, tokenizer."""
    indices: Path | None = None
    """A .npy file of image indices; all when left out."""
    box_threshold: float = 0.25
    """Least score of a box."""
    text_threshold: float = 0.2
    """Grounding DINO's least score of a word; it labels a box and changes none."""
    prompt: str = ""
    """What is asked for, {} being the class's name; empty for what the network was trained with."""
    batch_size: int = 8
    """Images a forward pass."""

    def run(self) -> dict[str, Any]:
        """Look; return where the boxes are, and in how many images there are some."""
        from imprint.core.device import choose_device
        from imprint.core.errors import ImprintError
        from imprint.data.choice import open_choice
        from imprint.probe.annotators.detector import load_detector
        from imprint.probe.annotators.local_model import folder_hash
        from imprint.probe.boxes import INDICES, check_names, write_boxes
        from imprint.reading.array_files import read_npy
        from imprint.study.hashing import hash_arrays
        from imprint.study.store import Study
        from imprint.train.command import read_indices

        if self.batch_size < 1:
            raise ImprintError(f"--batch-size is {self.batch_size}: it must be at least 1")
        images = open_choice(self, self.seed)
        indices = read_indices(self.indices, images)
        check_names(images)
        device = choose_device(self.device)
        detector = load_detector(
            self.model, self.prompt, self.box_threshold, self.text_threshold, device
        )

        def build(folder: Path) -> None:
            write_boxes(folder, images, indices, detector, self.batch_size)

        settings = {
            "data": images.fingerprint(),
            "indices": hash_arrays(indices),
            "model": folder_hash(self.model),
            "prompt": detector.prompt,
            "box_threshold": self.box_threshold,
            "text_threshold": self.text_threshold,
        }
        folder = Study(self.out).step("boxes", settings, build, resumable=True)
        found = len(read_npy(folder / INDICES))
        if not self.json:
            print(f"{folder}: boxes in {found} of {len(indices)} images by {detector.name}")
        return {
            "boxes": str(folder),
            "annotator": detector.name,
            "images": len(indices),
            "images_with_boxes": found,
        }
