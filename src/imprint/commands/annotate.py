"""``imprint data crops``, ``tag``, ``clouds``, ``boxes``: what backgrounds show and objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from imprint.core.bounds import Bounds
from imprint.launch.options import ManyTasks
from imprint.study.command import command
from imprint.study.option_types import Formerly
from imprint.study.options import Common, CropChoice, DataChoice

if TYPE_CHECKING:
    from imprint.data.boxes.crop_files import Backgrounds

DATA_OPTIONS = ("out", "data", "layout", "part", "boxes", "indices")
CROP_OPTIONS = ("crop", "min_crop_px", "corner", "corner_fraction", "centre_fraction")


@dataclass(frozen=True)
class CropCounts:
    """How many crops were written.

    Attributes:
        crops: of all classes.
        without: images without a crop, by reason.
        classes: crops of each class, by the name of its folder.
    """

    crops: int
    without: Mapping[str, int]
    classes: Mapping[str, int]


@dataclass(frozen=True)
class TaggedCrops:
    """Where tags were written, what made them, of how many crops, and where their table lies."""

    tags: str
    annotator: str
    crops: int
    table: str


@dataclass(frozen=True)
class TagClouding:
    """Where the table of tags and the clouds were written, and how many images and clouds."""

    folder: str
    images: int
    clouds: int


@dataclass(frozen=True)
class BoxedImages:
    """Where boxes were written, what made them, and how many images have one."""

    boxes: str
    annotator: str
    images: int
    images_with_boxes: int


@dataclass(frozen=True, kw_only=True)
class BackgroundChoice(DataChoice, CropChoice, Common):
    """Images, and which part of each is its background."""

    indices: Path | None = None
    """A .npy file of image indices, e.g. bbox_A.npy of imprint data split; default: all images."""

    def crop_backgrounds(self) -> Backgrounds:
        """Return the background squares of the images.

        Raises:
            ImprintError: bad data, or no image has a background.
        """
        from imprint.data.boxes.crop_files import background_crops
        from imprint.data.choice import open_choice
        from imprint.data.index_list import read_indices

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


@command(
    "data crops",
    "write background crops as files",
    example="--data imagenet/ --boxes imagenet/Annotation --out runs/crops",
    main=(*DATA_OPTIONS, "size", *CROP_OPTIONS),
)
@dataclass(frozen=True, kw_only=True)
class WriteCrops(BackgroundChoice):
    """Write the background crop of every image to OUT/crops/CLASS/NAME.png.

    OUT/crops.json counts them by class, and the images without one by reason. The folder opens as
    data (--data OUT/crops), e.g. to train a classifier from background to label.
    """

    size: Annotated[int, Bounds(least=1)] = 224
    """Side of the files in pixels."""

    def run(self) -> CropCounts:
        """Write the crops; return the content of ``crops.json``."""
        import numpy as np

        from imprint.data.boxes.crop_files import CropFiles
        from imprint.data.file_names import class_folders
        from imprint.study.finding import write_finding
        from imprint.study.store import Study

        backgrounds = self.crop_backgrounds()
        crops = backgrounds.crops
        folder = Study(self.out).run(CropFiles(crops, self.size))
        names = class_folders(crops.images)
        in_class = np.bincount(crops.labels, minlength=len(names)).tolist()
        counts = CropCounts(
            len(crops), backgrounds.reasons, dict(zip(names, in_class, strict=True))
        )
        write_finding(self.out / "crops.json", counts)
        if not self.json:
            reasons = [f"{count} {reason}" for reason, count in counts.without.items()]
            print("; ".join([f"{folder}: {len(crops)} crops", *reasons]))
        return counts


@command(
    "data tag",
    "tag backgrounds by CLIP or SigLIP",
    example="--data photos/ --crop corner --tagger clip/ --tag-list tags.txt --out runs/tags",
    main=(
        *(*DATA_OPTIONS, "tagger", "tag_list", "top_tags", "threshold", "prompt", "clouds"),
        *CROP_OPTIONS,
    ),
)
@dataclass(frozen=True, kw_only=True)
class TagBackgrounds(ManyTasks, BackgroundChoice):
    """Tag the background of every image by a vision-language model of transformers.

    CLIP and SigLIP are known to work. Writes OUT/tags/labels/CLASS_NAME_labels.json, the tags of
    each image with their scores, and OUT/tags/frequencies/CLASS_NAME_freq.json,
    {tag: [count, sum of scores]}: the files of the published tagger. OUT/tag_clouds holds
    tags.parquet and tags.csv, how often each class has each tag and how much more often than
    others, and a word cloud a class. Needs the extra models.
    """

    tagger: Annotated[Path, Formerly("model")]
    """Folder of a model that embeds images and texts: config.json, *.safetensors, tokenizer."""
    tag_list: Path
    """Text file of tags, one per line, optionally followed by a tab and a threshold of its own."""
    threshold: float = 0.0
    """Minimum score of a tag that has no threshold of its own."""
    top_tags: Annotated[int, Bounds(least=1), Formerly("top")] = 5
    """Maximum number of tags kept per image, those with the highest scores."""
    prompt: str = "a photo of {}"
    """Text that is compared with a crop, where {} is the tag. Several, separated by bars, are
    averaged."""
    batch_size: Annotated[int, Bounds(least=1)] = 64
    """Crops per forward pass."""
    clouds: Annotated[int, Bounds(least=0)] = 1000
    """Maximum number of classes with a word cloud, those whose tags tell most first; 0 for none."""

    def run(self) -> TaggedCrops:
        """Tag; return where the tags are and how many crops have some."""
        from functools import partial

        from imprint.core.device import choose_device
        from imprint.launch.remade import Remade
        from imprint.probe.annotators.local_model import folder_hash
        from imprint.probe.annotators.zero_shot import load_tagger, read_tag_list
        from imprint.probe.tags import CropTags
        from imprint.report.tag_clouds import TagClouds
        from imprint.study.store import Study

        tags = read_tag_list(self.tag_list, self.threshold)
        prompts = self.prompt.split("|")
        device = choose_device(self.device)
        load = Remade(
            partial(load_tagger, self.tagger, tags, prompts, self.top_tags, device, self.batch_size)
        )
        tagger = load()
        crops, study = self.crop_backgrounds().crops, Study(self.out)
        step = CropTags(
            crops=crops,
            tagger=folder_hash(self.tagger),
            tags=tags.words,
            thresholds=tuple(tags.thresholds.tolist()),
            prompts=tuple(prompts),
            top_tags=self.top_tags,
            load=load,
        )
        folder = study.run(step)
        table = study.run(TagClouds(crops, self.clouds, self.seed, folder, inputs=("tags",)))
        if not self.json:
            print(f"{folder}: tags of {len(crops)} crops by {tagger.name}; {table}: word clouds")
        return TaggedCrops(str(folder), tagger.name, len(crops), str(table))


@command(
    "data clouds",
    "table and word clouds of tags made elsewhere",
    example="--data photos/ --tags tags.csv --out runs/clouds",
    main=("out", "data", "layout", "part", "indices", "tags", "top_tags", "clouds", "seed"),
)
@dataclass(frozen=True, kw_only=True)
class CloudTags(DataChoice, Common):
    """Show which tags each class has more often than others.

    Writes OUT/tag_clouds/tags.parquet and tags.csv, one row per class and tag with count, share,
    share elsewhere and lift, and OUT/tag_clouds/clouds/CLASS.png and .svg.
    """

    tags: Path
    """CSV or JSON file of tags, or a folder of *_labels.json, as for --tags of dejavu one-model."""
    indices: Path | None = None
    """A .npy file of image indices; default: all images."""
    top_tags: Annotated[int, Bounds(least=0)] = 0
    """Use this many highest-scoring tags per image; 0: all."""
    clouds: Annotated[int, Bounds(least=0)] = 1000
    """Maximum number of classes with a word cloud, those whose tags tell most first; 0 for none."""

    def run(self) -> TagClouding:
        """Tabulate and draw; return where the files are."""
        from imprint.data.choice import open_choice
        from imprint.data.index_list import read_indices
        from imprint.data.tags.tag_files import find_tag_files
        from imprint.report.tag_clouds import ImageTagClouds
        from imprint.study.hashing import hash_file
        from imprint.study.store import Study

        hashes = tuple(hash_file(file) for file in find_tag_files(self.tags))
        images = open_choice(self, self.seed)
        indices = read_indices(self.indices, images)
        step = ImageTagClouds(
            images, indices, hashes, self.top_tags, self.clouds, self.seed, self.tags
        )
        folder = Study(self.out).run(step)
        clouds = len(list((folder / "clouds").glob("*.png")))
        if not self.json:
            print(f"{folder}: tags of {len(indices)} images, {clouds} word clouds")
        return TagClouding(str(folder), len(indices), clouds)


@command(
    "data boxes",
    "detect boxes of objects",
    example="--data photos/ --detector grounding-dino/ --out runs/boxes",
    main=(
        *("out", "data", "layout", "part", "indices", "detector"),
        *("box_threshold", "text_threshold", "prompt", "batch_size"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class DetectBoxes(ManyTasks, DataChoice, Common):
    """Detect the object of every image by an open-vocabulary detector; write its boxes.

    Grounding DINO, OWL-ViT and OWLv2 are known to work. Writes OUT/boxes/Annotation/CLASS/NAME.xml
    (read by --boxes OUT/boxes), OUT/boxes/summary.json, {class name: images with a detection}, and
    OUT/boxes/bbox_annotation_idx.npy, the indices of those images. Needs the extra models.
    """

    detector: Annotated[Path, Formerly("model")]
    """Folder of a detector of transformers: config.json, *.safetensors, tokenizer."""
    indices: Path | None = None
    """A .npy file of image indices; default: all images."""
    box_threshold: float = 0.25
    """Minimum score of a box."""
    text_threshold: float = 0.2
    """Minimum score of a word (Grounding DINO). It labels a box and removes none."""
    prompt: str = ""
    """Text that is searched for, where {} is the name of the class; default: the prompt the
    detector was trained with."""
    batch_size: Annotated[int, Bounds(least=1)] = 8
    """Images per forward pass."""

    def run(self) -> BoxedImages:
        """Detect; return where the boxes are, and how many images have some."""
        from functools import partial

        from imprint.core.device import choose_device
        from imprint.data.choice import open_choice
        from imprint.data.index_list import read_indices
        from imprint.launch.remade import Remade
        from imprint.probe.annotators.detector import load_detector
        from imprint.probe.annotators.local_model import folder_hash
        from imprint.probe.boxes import INDICES, BoxFiles, check_names
        from imprint.reading.array_files import read_npy
        from imprint.study.store import Study

        images = open_choice(self, self.seed)
        indices = read_indices(self.indices, images)
        check_names(images)
        device = choose_device(self.device)
        thresholds = self.box_threshold, self.text_threshold
        load = Remade(partial(load_detector, self.detector, self.prompt, *thresholds, device))
        detector = load()
        step = BoxFiles(
            data=images,
            indices=indices,
            detector=folder_hash(self.detector),
            prompt=detector.prompt,
            box_threshold=self.box_threshold,
            text_threshold=self.text_threshold,
            load=load,
            batch_size=self.batch_size,
        )
        folder = Study(self.out).run(step)
        count = len(read_npy(folder / INDICES))
        if not self.json:
            print(f"{folder}: boxes in {count} of {len(indices)} images by {detector.name}")
        return BoxedImages(str(folder), detector.name, len(indices), count)
