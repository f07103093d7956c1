"""``imprint data``: what a set of images holds; splitting, packing, checking and unpacking it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from imprint.core.bounds import Bounds
from imprint.study.command import command
from imprint.study.listing import listed
from imprint.study.option_types import Integers
from imprint.study.options import Common, DataChoice

if TYPE_CHECKING:
    from imprint.core.arrays import IntArray
    from imprint.data.describe import DataFacts, SplitFacts
    from imprint.data.imageset import ImageSet

listed("layouts", "layouts of image folders and files", "imprint.data.sources.registry:layouts")


@dataclass(frozen=True)
class UnpackedImages:
    """Where images were unpacked to, and how many of each part there are."""

    images: str
    train: int
    val: int


@command(
    "data describe",
    "count images, labels, boxes and usable crops",
    example="--data photos/ --out runs/look",
)
@dataclass(frozen=True, kw_only=True)
class DescribeData(DataChoice, Common):
    """Count images, classes, boxes and usable background crops; write them to OUT/data.json."""

    min_crop_px: Annotated[float, Bounds(least=0)] = 8
    """Count only crops whose shorter side is longer than this as usable (published: 100)."""
    corner_fraction: Annotated[float, Bounds(above=0, most=1)] = 0.3
    """Side of the corner crop as a share of the image's."""

    def run(self) -> DataFacts:
        """Describe the images; return the content of ``data.json``."""
        from imprint.data.choice import open_choice
        from imprint.data.describe import describe, lines
        from imprint.study.finding import write_finding

        facts = describe(open_choice(self, self.seed), self.min_crop_px, self.corner_fraction)
        write_finding(self.out / "data.json", facts)
        if not self.json:
            print("\n".join(lines(facts)))
        return facts


@command(
    "data split",
    "split images into training sets A and B and a public set",
    example="--data photos/ --per-class 100 --without-boxes --out runs/parts",
)
@dataclass(frozen=True, kw_only=True)
class SplitData(DataChoice, Common):
    """Split the images into sets A, B, shared and public; write their indices to OUT/split.

    OUT/split/N_per_class holds bbox_A, bbox_B, shared, train_A, train_B and public as .npy files of
    int64 indices; OUT/split/val_set.npy is a class-balanced validation set for probes.
    """

    per_class: Integers = (13,)
    """Training images of each class; several sizes have nested public sets."""
    without_boxes: bool = False
    """Split all images alike; enough for the corner crop, which needs no boxes."""
    shuffle: bool = False
    """Shuffle each class by the seed first, instead of taking images in order."""

    def run(self) -> SplitFacts:
        """Split the images; return how many are in each set."""
        from imprint.core.errors import ImprintError
        from imprint.data.choice import open_choice
        from imprint.data.describe import describe_split, split_lines
        from imprint.data.split import PartitionFiles, load_partitions
        from imprint.study.store import Study

        images = open_choice(self, self.seed)
        boxes = None if self.without_boxes else images.boxes()
        if boxes is None and not self.without_boxes:
            raise ImprintError(
                f"{images.name} has no object boxes: add --without-boxes, which splits all images "
                "alike, and attack their corners (--crop corner)"
            )
        seed = self.seed if self.shuffle else None
        folder = Study(self.out).run(
            PartitionFiles(images, self.per_class, boxes is not None, seed)
        )
        facts = describe_split(load_partitions(folder, images.fingerprint()), images.labels)
        if not self.json:
            print("\n".join(split_lines(facts)))
        return facts


@dataclass(frozen=True)
class VocabularyFacts:
    """Which vocabulary was written.

    Attributes:
        file: its path.
        texts: that its words were counted in.
        words: how many it has.
        known: share of all words in the texts that are among them.
    """

    file: str
    texts: int
    words: int
    known: float


@command(
    "data vocabulary",
    "write the most frequent words of texts, by which they become token ids",
    example="--data imdb/ --words 10000 --length 256 --out imdb/",
)
@dataclass(frozen=True, kw_only=True)
class WriteVocabulary(Common):
    """Count the words of training texts, and write the most frequent ones to OUT/vocabulary.json.

    A folder of texts is read by the vocabulary.json in it or in the folder above. The network that
    is audited must have been trained with the same one.
    """

    data: Path
    """Folder of texts, CLASS/NAME.txt; where there is train/CLASS/NAME.txt, those alone."""
    words: Annotated[int, Bounds(least=1, most=1_000_000)] = 10_000
    """Words at most; ids 0 and 1 come on top, for padding and for any other word."""
    length: Annotated[int, Bounds(least=1, most=100_000)] = 256
    """Tokens of every text: longer ones are cut, shorter ones padded."""

    def run(self) -> VocabularyFacts:
        """Write the vocabulary; return how much of the texts it covers."""
        from imprint.core.errors import ImprintError
        from imprint.data.records.sources.text_folder import VOCABULARY, read_texts, text_files
        from imprint.data.records.vocabulary import (
            count_words,
            read_vocabulary,
            vocabulary_of,
            write_vocabulary,
        )

        paths = [path for each in text_files(self.data).values() for path in each]
        counts = count_words(read_texts(paths))
        vocabulary = vocabulary_of(counts, self.words, self.length)
        if not vocabulary.words:
            raise ImprintError(f"the {len(paths)} texts in {self.data} hold no words: check --data")
        file = self.out / VOCABULARY
        if file.exists() and read_vocabulary(file) != vocabulary:
            raise ImprintError(
                f"{file} holds another vocabulary, which a network may have been trained with: "
                "choose another --out, or delete it"
            )
        write_vocabulary(file, vocabulary)
        known = sum(counts[word] for word in vocabulary.words) / counts.total()
        if not self.json:
            print(
                f"{file}: {len(vocabulary.words)} words, {known:.1%} of all in {len(paths)} texts"
            )
        return VocabularyFacts(str(file), len(paths), len(vocabulary.words), known)


@command(
    "data unpack",
    "unpack images from TFRecords",
    example="--tfrecords imagenet-records/ --out runs/imagenet",
)
@dataclass(frozen=True, kw_only=True)
class UnpackRecords(Common):
    """Unpack the images in TFRecords into files, numbered by the index in each record.

    OUT/images then holds train/CLASS/NAME and val/CLASS/NAME, byte for byte, and
    imagenet_index.npz, which gives each file its index: --data OUT/images opens them in that order.
    Needs the extra tf.
    """

    tfrecords: Path
    """Folder of train-*-of-* and validation-*-of-*."""

    def run(self) -> UnpackedImages:
        """Unpack; return where the images are and how many there are."""
        from imprint.data.sources.imagenet_index import INDEX_FILE, read_index
        from imprint.data.sources.tfrecords import RecordFiles, find_shards
        from imprint.study.store import Study

        shards = find_shards(self.tfrecords)
        folder = Study(self.out).run(RecordFiles.of(self.tfrecords, shards))
        index = read_index(folder / INDEX_FILE)
        unpacked = UnpackedImages(str(folder), len(index.train), len(index.test))
        if not self.json:
            print(f"{folder}: {unpacked.train} images in train, {unpacked.val} in val")
        return unpacked


@dataclass(frozen=True)
class PackedData:
    """Which store was written.

    Attributes:
        store: its path.
        kind: what it keeps: pixels, files as they are, or arrays.
        images: how many.
        left_out: images that cannot be decoded.
        bytes: of all its files.
        fingerprint: of the images, as of the data they were packed from.
    """

    store: str
    kind: str
    images: int
    left_out: int
    bytes: int
    fingerprint: str


@command(
    "data pack",
    "pack images into one store that is read at random, fast",
    example="--data photos/ --out runs/photos",
)
@dataclass(frozen=True, kw_only=True)
class PackData(DataChoice, Common):
    """Pack the images into OUT/images.pack; --data OUT/images.pack is then the same data set.

    Indices, names, labels, boxes, pixels and fingerprint are those of the data, so a study of the
    one goes on with the other. Every image is decoded once; none is encoded anew.
    """

    keep: Literal["auto", "pixels", "files"] = "auto"
    """Keep files as pixels, as they are (files), or as pixels where all have one size of up to
    128 x 128 (auto)."""

    def run(self) -> PackedData:
        """Pack; return what was written."""
        from imprint.core.errors import ImprintError
        from imprint.data.choice import open_choice
        from imprint.data.packed.pack import open_pack
        from imprint.data.packed.step import PackFiles
        from imprint.study.store import Study

        if self.box_margin:
            raise ImprintError(
                "--box-margin is not packed: leave it out, and give it with --data STORE"
            )
        images = open_choice(self, self.seed, decoded=False)
        folder = Study(self.out).run(PackFiles(images, self.keep, self.part))
        pack = open_pack(folder)
        packed = PackedData(
            str(folder),
            pack.header.kind,
            len(pack),
            len(pack.corrupt),
            sum(file.stat().st_size for file in folder.iterdir()),
            str(images.fingerprint()),
        )
        if not self.json:
            print(
                f"{folder}: {packed.images} images as {packed.kind}, {packed.bytes / 1e6:,.1f} MB"
            )
        return packed


@dataclass(frozen=True)
class CheckedData:
    """What was checked: all images are as they should be.

    Attributes:
        images: how many.
        left_out: images that were left out as corrupt before.
        by: whether they were held against their hashes or decoded.
    """

    images: int
    left_out: int
    by: str


@command(
    "data check",
    "read every image once: decode it, or hold a packed one against its hash",
    example="--data runs/photos/images.pack --out runs/check",
)
@dataclass(frozen=True, kw_only=True)
class CheckData(DataChoice, Common):
    """Read every image once; name those that are damaged, or write OUT/check.json."""

    def run(self) -> CheckedData:
        """Check; return what was checked."""
        from imprint.core.errors import ImprintError
        from imprint.data.choice import open_choice
        from imprint.data.files import usable_indices
        from imprint.data.packed.step import damaged_images, pack_of
        from imprint.study.finding import write_finding

        images = open_choice(self, self.seed, decoded=False)
        damaged = damaged_images(images)
        if len(damaged):
            raise ImprintError(
                f"{images.name}: {len(damaged)} of {len(images)} images are damaged: "
                f"{_first_names(images, damaged)}: replace them, or pack the data again"
            )
        by = "decoding" if pack_of(images) is None else "hashes"
        left_out = len(images) - len(usable_indices(images))
        checked = CheckedData(len(images), left_out, by)
        write_finding(self.out / "check.json", checked)
        if not self.json:
            print(f"{images.name}: {len(images) - left_out} images are whole, checked by {by}")
        return checked


def _first_names(images: ImageSet, indices: IntArray) -> str:
    names = ", ".join(images.name_of(index) for index in indices[:10].tolist())
    return f"{names} and {len(indices) - 10} more" if len(indices) > 10 else names
