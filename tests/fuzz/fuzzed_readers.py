"""Every reader of files that others write, one line each: a new reader is added to ``READERS``.

An entry says how a valid file is written, how it is mutated, and what reads it. Reading ends in a
value or in an ``ImprintError`` of one sentence; :func:`survives` says what else came of it.
"""

from __future__ import annotations

import gzip
import json
import os
import pickle
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from PIL import Image
from pyarrow import int64 as arrow_int64
from pyarrow import list_ as list_of
from pyarrow import parquet
from pyarrow import schema as schema_of
from pyarrow import table as arrow_table
from pyarrow import uint8 as arrow_uint8
from safetensors.numpy import save_file as save_arrays

from imprint.commands.published_settings import read_settings
from imprint.commands.train import TrainNetwork
from imprint.core.errors import ImprintError
from imprint.data.boxes.boxes import parse_voc
from imprint.data.boxes.coco_file import read_coco_file
from imprint.data.boxes.coco_objects import open_coco
from imprint.data.boxes.named_objects import parse_named_objects
from imprint.data.boxes.yolo_files import parse_yolo
from imprint.data.encoded.decode import header_size, load
from imprint.data.encoded.user_cache import Stamp
from imprint.data.imageset import ArrayImages
from imprint.data.index_list import read_index_list, read_indices
from imprint.data.open import inspect_images
from imprint.data.packed.step import damaged_images
from imprint.data.packed.write import Keep, write_pack
from imprint.data.records.open_records import as_records
from imprint.data.records.vocabulary import read_vocabulary
from imprint.data.shards import kept_samples
from imprint.data.shards.samples import Samples
from imprint.data.sources.cifar import read_dictionary
from imprint.data.sources.imagenet_index import read_index
from imprint.data.sources.mnist import read_idx
from imprint.data.split import Partition, Partitions, load_partitions, save_partition
from imprint.data.tags.tag_files import read_frequencies, read_tags
from imprint.launch.ledger import PLAN, Ledger
from imprint.launch.status import study_status
from imprint.lenses.coverage.array_criterion import CoverageCriterion, load_criterion
from imprint.lenses.coverage.clusters.novelty import SeenCells
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.faults.gallery import read_faults
from imprint.lenses.coverage.fits.fitted_file import (
    FitContext,
    MeasuredSets,
    read_fitted,
    read_seen,
    write_fitted,
    write_seen,
)
from imprint.lenses.coverage.importance.importance_files import (
    read_importance,
    read_layer_json,
    read_votes,
    write_importance,
    write_layer_json,
    write_votes,
)
from imprint.lenses.coverage.importance.selector import Selector, SelectorOptions
from imprint.lenses.coverage.measure.fitted_criteria import fit_criteria, see_tests
from imprint.lenses.coverage.study.inputs import tables_from_arrays
from imprint.lenses.coverage.study.novelty_monitor import (
    NoveltyMonitor,
    load_monitor,
    save_monitor,
)
from imprint.lenses.dejavu.study.arrays import TwoModelArrays, read_one_model_arrays
from imprint.lenses.leave_one_out.options import LeaveOneOutChoice
from imprint.lenses.leave_one_out.study import given_models
from imprint.lenses.leave_one_out.study import inputs as leave_one_out_inputs
from imprint.lenses.membership.memorization.published_ensemble import read_run
from imprint.lenses.membership.memorization.published_influence import (
    read_influence_matrix,
    read_pairs,
)
from imprint.lenses.membership.study import case as membership_case
from imprint.lenses.membership.study.orders import read_order
from imprint.lenses.membership.study.privacy.arrays import bound_array_file
from imprint.lenses.membership.study.privacy.options import ScoreBoundOptions
from imprint.neighbors.approximate import nearest_approximate
from imprint.neighbors.index_file import write_index
from imprint.neighbors.ivfpq_options import IvfPqOptions
from imprint.neighbors.sources import ArraySource, NpySource, TableSource
from imprint.nets.fill import initial_model
from imprint.nets.load import load_model
from imprint.nets.model_card import ModelCard
from imprint.nets.predictor.predictor import as_predictor
from imprint.nets.save import save_model
from imprint.nets.text.text_card import (
    TextCard,
    build_text_network,
    load_text_network,
    save_text_network,
    text_card_beside,
)
from imprint.neurons.activations import ActivationTable, Layers
from imprint.probe.annotators.zero_shot import read_tag_list
from imprint.probe.neurons.activations import INPUTS, LAYERS, VALUES, read_activations
from imprint.reading.array_files import arrays_in, read_npy
from imprint.report.gallery import (
    Answer,
    Card,
    CardPicture,
    Line,
    Range,
    RangeStrip,
    read_gallery,
    write_gallery,
)
from imprint.report.inputs import read_columns, read_picture
from imprint.study.array_file import read_array_file
from imprint.study.config import yaml_words
from imprint.study.hashing import hash_file
from imprint.study.store import Study
from imprint.study.stored_array import open_stored
from imprint.study.tables import write_table
from imprint.train.cohort.masks import Masks, read_masks, write_masks
from imprint.train.published_options import read_published_options
from tests.data.one_set import as_saved, members_of, samples, table_of, write_arrow, write_tar
from tests.data.packed.packs import change_table
from tests.fuzz.mutants import Mutate, Random, of_bytes, of_json, of_npy, of_npz, of_text
from tests.nets.predictor.onnx_bytes import linear

MAX_CPU_SECONDS = 2
REFUSED = "refused: "


@dataclass(frozen=True)
class FuzzedReader:
    """A reader under fuzz.

    Attributes:
        name: of what it reads.
        write: writes a valid file, and what belongs to it, into a folder; returns the file that is
            mutated.
        read: reads it.
        mutate: makes a mutant of its bytes.
    """

    name: str
    write: Callable[[Path], Path]
    read: Callable[[Path], object]
    mutate: Mutate = of_bytes


def file(name: str, content: bytes) -> Callable[[Path], Path]:
    """Return what writes given bytes to a file of that name."""

    def write(folder: Path) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return write


def npz(name: str = "a.npz", **arrays: Any) -> Callable[[Path], Path]:
    """Return what writes arrays to an archive of that name."""

    def write(folder: Path) -> Path:
        np.savez(folder / name, **arrays)
        return folder / name

    return write


def npy(array: Any, name: str = "a.npy") -> Callable[[Path], Path]:
    """Return what writes an array to a file of that name."""

    def write(folder: Path) -> Path:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(folder / name, array)
        return folder / name

    return write


def as_json(value: Any, name: str = "a.json") -> Callable[[Path], Path]:
    """Return what writes a value to a JSON file of that name."""
    return file(name, json.dumps(value).encode())


def image(suffix: str, kind: str, mode: str = "RGB") -> Callable[[Path], Path]:
    """Return what writes an image of noise in a format."""

    def write(folder: Path) -> Path:
        pixels = random_numbers().integers(0, 256, (12, 9, 3), dtype=np.uint8)
        Image.fromarray(pixels).convert(mode).save(folder / f"a{suffix}", kind)
        return folder / f"a{suffix}"

    return write


def random_numbers() -> Random:
    """Return the generator of what valid files hold."""
    return np.random.default_rng(7)


def read_image(path: Path) -> None:
    """Read size and pixels of an image."""
    header_size(path)
    load(path)
    load(path, 1)


CARD = ModelCard("mlp", 3, 4, 4, (0.5,), (0.25,), {"widths": "6"}, projector="5-3")


@cache
def small_model() -> Any:
    """Return a small network with fresh weights."""
    return initial_model(CARD, 0)


def weights(folder: Path) -> Path:
    """Write a small network and its card."""
    save_model(folder / "net.safetensors", small_model(), CARD)
    return folder / "net.safetensors"


def card(folder: Path) -> Path:
    """Write a small network; its card is mutated."""
    return weights(folder).with_suffix(".json")


def torch_weights(legacy: bool) -> Callable[[Path], Path]:
    """Return what writes a torch file beside a card."""

    def write(folder: Path) -> Path:
        card(folder)
        state = small_model().state_dict()
        content = {"state_dict": state, "epoch": 3, "args": {"lr": 0.1, "names": ["a", b"b"]}}
        torch.save(content, folder / "net.pt", _use_new_zipfile_serialization=not legacy)
        return folder / "net.pt"

    return write


def read_network(path: Path) -> object:
    """Load the network of a file, or of the weights beside a card."""
    return load_model(path.with_suffix(".safetensors") if path.suffix == ".json" else path)


def cifar(protocol: int) -> Callable[[Path], Path]:
    """Return what writes a batch of CIFAR."""
    data = random_numbers().integers(0, 256, (2, 3072), dtype=np.uint8)[:, :96]
    content = {b"data": data, b"labels": [3, 1], b"filenames": [b"a", b"b"]}
    return file("data_batch_1", pickle.dumps(content, protocol))


def idx(suffix: str) -> Callable[[Path], Path]:
    """Return what writes an IDX file, packed or not."""
    content = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (3, 4, 5)) + bytes(range(60))
    return file("a" + suffix, gzip.compress(content, mtime=0) if suffix == ".gz" else content)


def importance(folder: Path) -> Path:
    """Write a table of importance."""
    from imprint.neurons.importance import ImportanceTable

    layers = Layers(("a", "b"), (3, 2), ("Linear", "Linear"))
    scores = random_numbers().random((3, 5))
    table = ImportanceTable(
        layers, scores, np.array([4, 4, 8]), (1, 1), "lrp", facts={"images": "x"}
    )
    write_importance(folder / "a.parquet", table)
    return folder / "a.parquet"


def votes(folder: Path) -> Path:
    """Write votes for neurons."""
    write_votes(folder / "a.csv", Layers(("a", "b", "c"), (3, 2, 1)), np.arange(5.0))
    return folder / "a.csv"


def layer_json(folder: Path) -> Path:
    """Write the importance of one layer."""
    write_layer_json(folder / "a_1.json", 1, random_numbers().random((3, 2)))
    return folder / "a_1.json"


def table(folder: Path) -> Path:
    """Write a table."""
    write_table(
        folder / "a.parquet", {"index": np.arange(5), "x": np.ones((5, 2)), "y": np.arange(5.0)}
    )
    return folder / "a.parquet"


def gallery(folder: Path) -> Path:
    """Write a gallery of two cards."""
    image(".png", "PNG")(folder)
    picture = CardPicture("a.png", "a", "b", 9, ((1.0, 2.0, 3.0, 4.0),), (0.0, 0.0, 5.0, 5.0), True)
    strip = RangeStrip(Range(0.0, 1.0), Range(0.1, 0.5), Range(0.6, 0.7), "c")
    answer, line = Answer("who", "cat", True, pictures=(picture,)), Line("words", "bold")
    card = Card(
        "cat", "a · index 1", (picture,), answers=(answer,), strip=strip, lines=(line,),
        facets={"Class": "cat"}, numbers={"strength": 1.5},
    )  # fmt: skip
    write_gallery(folder, [card, Card("dog", "b", ())])
    return folder / "gallery.json"


def draw_gallery(path: Path) -> object:
    """Read and draw a gallery."""
    read = read_gallery(path.parent, "key", "Filter")
    return None if read is None else read.html()


def task_ledger(folder: Path) -> Ledger:
    """Write the ledger of a task that failed, with its log."""
    ledger = Ledger(folder, "train")
    ledger.plan({"models/0": "x", "models/1": "x"})
    entry = ledger.entry("models/0")
    entry.fail("the loss is not finite")
    entry.log.write_text("epoch 1\nepoch 2\n")
    return ledger


def masks(folder: Path) -> Path:
    """Write masks; the packed bits are mutated."""
    members = random_numbers().random((4, 13)) < 0.5
    write_masks(folder / "masks.npy", Masks(members, {"kind": "x"}))
    return folder / "masks.npy"


def split(folder: Path) -> Path:
    """Write a split of ten images; its manifest is mutated."""
    parts = Partition(*(np.arange(2 * part, 2 * part + 2) for part in range(6)))
    save_partition(folder, Partitions({2: parts}, np.arange(12, 14)), "abc")
    return folder / "manifest.json"


def step_card(folder: Path) -> Path:
    """Write an artefact of a study; its card is mutated."""
    study = Study(folder)
    study.step("a", {"x": 1, "y": [1, 2]}, lambda path: path.write_text("a") and None)
    return folder / "a.card.json"


def read_step(path: Path) -> object:
    """Ask a study whether the artefact is done, and make one of it."""
    study = Study(path.parent)
    study.is_done("a", {"x": 1, "y": [1, 2]})
    return study.hash_of("a")


def images_of(name: str) -> Callable[[Path], object]:
    """Return what opens the images in a folder or file, and reads one."""

    def read(path: Path) -> object:
        images = inspect_images(path if not name else path.parents[name.count("/")]).images
        whole = np.array([[0.0, 0, *images.sizes()[0]]])
        return images.read(np.array([0]), whole, 4), images.fingerprint()

    return read


PIXELS = random_numbers().integers(0, 256, (4, 3, 6, 6), dtype=np.uint8)
TEN = ArrayImages(np.zeros((10, 3, 2, 2), np.uint8), np.arange(10) % 2, ("a", "b"), "ten")


def monitor(folder: Path) -> Path:
    """Write a monitor of a small network; its tensors are mutated."""
    layers = Layers(("network.hidden.0",), (6,), ("Linear",))
    cells = SeenCells(
        layers,
        torch.tensor([1, 4]),
        torch.tensor([[0.1, 0.5], [0.2, torch.inf]]),
        torch.tensor([0, 3]),
        torch.tensor([5, 2]),
    )
    save_monitor(folder / "m.safetensors", NoveltyMonitor(torch.nn.Linear(2, 6), cells))
    return folder / "m.safetensors"


def fitted_criteria(folder: Path) -> Path:
    """Write criteria fitted to a few activations."""
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    table = ActivationTable(Layers(("a", "b"), (2, 1)), values, np.array([0, 1, 0, 1]))
    settings = {name: CRITERIA.get(name).Options() for name in ("nc", "nbc", "tknp")}
    fitted = fit_criteria(table.layers, settings, table)
    write_fitted(folder / "fitted.safetensors", fitted, FitContext({}))
    return folder / "fitted.safetensors"


def faults(folder: Path) -> Path:
    images = np.zeros((2, 1, 4, 4), dtype=np.uint8)
    classes = {"expected": np.arange(2), "predicted": np.arange(2)[::-1].copy()}
    save_arrays({"images": images, "seeds": images, **classes}, folder / "faults.safetensors")
    index = {"index": np.arange(2)}
    write_table(
        folder / "faults.parquet", {**index, "unique": np.arange(2), "number": np.arange(2)}
    )
    write_table(folder / "mutations.parquet", index)
    return folder / "faults.safetensors"


def saved_criterion(folder: Path) -> Path:
    """Write a criterion that saw a few activations."""
    criterion = CoverageCriterion("tknc", CRITERIA.get("tknc").Options())
    criterion.update(np.eye(3)).save(folder / "c.safetensors")
    return folder / "c.safetensors"


def measured_coverage(folder: Path) -> Path:
    """Write what fitted criteria saw of a few tests, beside them."""
    held = read_fitted(fitted_criteria(folder))
    values = np.ones((2, 3), dtype=np.float32)
    seen = see_tests(held.fitted, ActivationTable(held.fitted.layers, values), 0)
    write_seen(folder / "seen.safetensors", seen, held, MeasuredSets(("tests",)))
    return folder / "seen.safetensors"


def selector(folder: Path) -> Path:
    """Write a selector of attributions; its tensors are mutated."""
    features = np.eye(4, dtype=np.float32)
    made = Selector(("la", "lrp"), ("model",), SelectorOptions(widths=(3,), epochs=1))
    made.fit(features, np.array([[0], [1], [0], [1]])).save(folder / "s.safetensors")
    return folder / "s.safetensors"


def read_selector(path: Path) -> object:
    """Load the selector of a file, or of the tensors beside a card."""
    return Selector.load(path.with_suffix(".safetensors"))


def read_monitor(path: Path) -> object:
    """Load the monitor of a file, or of the tensors beside a card."""
    return load_monitor(path.with_suffix(".safetensors"), torch.nn.Linear(2, 6))


def activations(folder: Path) -> Path:
    """Write activations; the list of layers is mutated."""
    np.save(folder / VALUES, floats(4, 5).astype(np.float32))
    labels = {"index": np.arange(4), "label": np.arange(4) % 2, "prediction": np.arange(4) % 2}
    write_table(folder / INPUTS, labels)
    layers = {"names": ["a", "b"], "widths": [3, 2], "kinds": ["Linear", "Linear"]}
    return as_json(layers, LAYERS)(folder)


def values(folder: Path) -> Path:
    """Write activations; their values are mutated."""
    activations(folder)
    return folder / VALUES


def images_npy(folder: Path) -> Path:
    """Write a folder of arrays; that of pixels is mutated."""
    np.save(folder / "labels.npy", ARRAYS["labels"])
    np.save(folder / "images.npy", PIXELS)
    return folder / "images.npy"


FEW = samples(6, (6, 5))


def shard(folder: Path) -> Path:
    """Write a shard of small images and their classes."""
    return write_tar(folder / "a.tar", members_of(FEW, "json"))


def arrow_images(as_file: bool, pixels: bool = False) -> Callable[[Path], Path]:
    """Return what writes an Arrow file of encoded images, or of arrays of pixels."""

    def write(folder: Path) -> Path:
        columns = {"pixels": PIXELS.tolist(), "y": [0, 1, 1, 0]}
        kinds = {"pixels": list_of(list_of(list_of(arrow_uint8())))}
        table = arrow_table(columns, schema_of({**kinds, "y": arrow_int64()}))
        made = table if pixels else table_of(FEW)
        return write_arrow(folder / "a.arrow", made, 3, as_file)

    return write


def parquet_images(**settings: Any) -> Callable[[Path], Path]:
    """Return what writes a Parquet file of encoded images."""

    def write(folder: Path) -> Path:
        parquet.write_table(table_of(FEW), folder / "a.parquet", row_group_size=4, **settings)
        return folder / "a.parquet"

    return write


def saved_dataset(folder: Path) -> Path:
    """Write what save_to_disk writes; the list of files is mutated."""
    return as_saved(folder, table_of(FEW)) / "state.json"


def tiny_imagenet(folder: Path) -> Path:
    """Write a class of Tiny ImageNet; its boxes are mutated."""
    place = folder / "train" / "n01"
    (place / "images").mkdir(parents=True)
    Image.fromarray(PIXELS[0].transpose(1, 2, 0)).save(place / "images" / "n01_0.JPEG")
    (folder / "wnids.txt").write_text("n01\n")
    (folder / "words.txt").write_text("n01\tcat, feline\n")
    (place / "n01_boxes.txt").write_text("n01_0.JPEG\t0\t0\t3\t4\n")
    return place / "n01_boxes.txt"


def packed(name: str) -> Callable[[Path], Path]:
    """Return what writes a packed store, one file of which is mutated."""

    def write(folder: Path) -> Path:
        for row in range(3):
            (folder / "set" / "a").mkdir(parents=True, exist_ok=True)
            image(f"{row}.jpg", "JPEG")(folder / "set" / "a")
        images = inspect_images(folder / "set").images
        keep: Keep = "pixels" if name == "pixels.npy" else "files"
        write_pack(images, folder / "images.pack", keep)
        return folder / "images.pack" / name

    return write


def read_packed(path: Path) -> object:
    """Open a packed store, read an image and check all."""
    images = inspect_images(path.parent, layout="packed").images
    damaged_images(images)
    return images.read(np.array([0]), np.array([[0.0, 0, 9, 12]]), 4)


def words(folder: Path) -> Path:
    """Write a class of Tiny ImageNet; the names of classes are mutated."""
    tiny_imagenet(folder)
    return folder / "words.txt"


def read_tiny_imagenet(path: Path) -> object:
    """Open the images above a file."""
    root = next(folder for folder in path.parents if (folder / "wnids.txt").is_file())
    return inspect_images(root)


def frequencies(folder: Path) -> Path:
    """Write the frequencies of tags in a class."""
    return as_json({"sky": [3, 2.5], "sea": [1, 0.5]}, "cat_cat_freq.json")(folder)


def read_fit(path: Path) -> object:
    """Read the records of a leave-one-out fit, and the queries."""
    arrays = read_array_file(leave_one_out_inputs.RecordArrays, path)
    inputs = leave_one_out_inputs.inputs_from_arrays(path, arrays, LeaveOneOutChoice(), 0)
    if arrays.queries is None:
        return inputs
    return leave_one_out_inputs.queries_like(inputs, path, arrays.queries, arrays.query_labels)


def vectors_in_table(folder: Path) -> Path:
    """Write a table of vectors."""
    write_table(folder / "a.parquet", {"index": np.arange(9), "v": floats(9, 3)})
    return folder / "a.parquet"


def vectors_in_npy(folder: Path) -> Path:
    """Write vectors as an array."""
    np.save(folder / "a.npy", floats(9, 3))
    return folder / "a.npy"


def read_vectors(path: Path) -> object:
    """Read vectors block by block, and single ones."""
    source = TableSource(path, "v") if path.suffix == ".parquet" else NpySource(path)
    some = np.arange(min(source.shape[0], 2))
    return [block for _, block in source.blocks()], list(source.gather(some))


def stored_rows(folder: Path) -> Path:
    """Write an array that is read by rows."""
    np.save(folder / "a.npy", floats(4, 2, 5))
    return folder / "a.npy"


def read_rows(path: Path) -> object:
    """Read an array by rows, and by blocks of them."""
    stored = open_stored(path)
    rows = range(min(4, len(stored))) if stored.shape else ()
    blocks = [stored.row_part(row, slice(0, 2)) for row in rows if len(stored.shape) > 1]
    return [stored.row(row) for row in rows], blocks


def read_two_model(path: Path) -> object:
    """Read the arrays of the two-model test."""
    return read_array_file(TwoModelArrays, path)


def floats(*shape: int) -> Any:
    """Return numbers in [0, 1)."""
    return random_numbers().random(shape)


COCO = {
    "info": {"year": 2017},
    "images": [{"id": 1, "file_name": "a.jpg", "width": 64, "height": 48}],
    "annotations": [{"id": 5, "image_id": 1, "bbox": [1, 2.5, 3, 4], "segmentation": [[1, 2, 3]]}],
}
YOLO = b"0 0.5 0.5 0.25 0.25\n3 0.1 0.1 0.2 0.3 0.2 0.1\n"
VOC = (
    b"<annotation><size><width>9</width><height>8</height></size><object><name>cat</name><bndbox>"
    b"<xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>6</ymax></bndbox></object></annotation>"
)
OPTIONS = {
    "train": {"epochs": 3, "objective_options": {"temperature": 0.1}, "precision": "float16"},
    "seed": 1, "part": "train", "skip_corrupt": True, "data": "composite",
}  # fmt: skip
PUBLISHED = {
    "training": {"loss": "simclr", "epochs": 100, "batch_size": 256, "base_lr": 1e-3},
    "model": {"arch": "resnet50", "mlp": "2048-512"},
    "simclr": {"temperature": 0.15},
}
LOOD = {"num_epochs": 50, "lr": 1e-3, "batch_size": 64, "lr_schedule": {"min_jump_pt": 25}}
TAGS = [
    {"image_path": "a/1.jpg", "tags": ["sky", "sea"], "scores": [0.5, 0.25]},
    {"image_path": "a/2.jpg", "tags": ["sky"]},
]
NAMES = ("a/1.jpg", "a/2.jpg")
RUN = {
    "index_train": np.array([0, 2]), "index_removed": np.array([1]), "index_test": np.array([0, 1]),
    "correctness_train": np.array([True, False]), "correctness_removed": np.array([True]),
    "correctness_test": np.array([True, True]), "subsample_idx": np.array([0, 2]),
}  # fmt: skip
DEJAVU = {
    "public": floats(6, 3), "public_labels": np.arange(6) % 2, "crops_target": floats(4, 3),
    "crops_reference": floats(4, 3), "labels": np.arange(4) % 2, "index": np.arange(4),
}  # fmt: skip
ONE_MODEL = {
    "public": floats(6, 3), "public_labels": np.arange(6) % 2, "crops_target": floats(4, 3),
    "labels": np.arange(4) % 2, "reference_probs": np.full((4, 2), 0.5),
    "members": np.ones(4, int),
}  # fmt: skip
CASE = {
    "target": floats(2, 8), "target_members": np.arange(8) % 2 == 0,
    "signals": floats(3, 2, 8) ** 2,
    "members": floats(3, 8) < 0.5, "index": np.arange(8), "mentr": floats(2, 8),
}  # fmt: skip
MATRIX = {
    "tr_mem": floats(4), "tr_labels": np.array([0, 0, 1, 1]), "tt_labels": np.array([0, 1]),
    "tr_classidx_0": np.array([0, 1]), "infl_matrix_class0": floats(2, 1),
}  # fmt: skip
PAIRS = {
    "tr_idx": np.arange(5), "tt_idx": np.arange(5), "infl": floats(5), "mem": floats(5),
}  # fmt: skip
INDEX = {
    "tr_filenames": np.array([b"a.JPEG", b"b.JPEG"]), "tr_labels": np.array([0, 1]),
    "tt_filenames": np.array([b"c.JPEG"]), "tt_labels": np.array([0]),
}  # fmt: skip
ACTIVATIONS = {"train/a": floats(4, 3), "test/a": floats(2, 3), "test_labels": np.array([0, 1])}
ARRAYS = {
    "images": PIXELS,
    "labels": np.array([0, 1, 1, 0]),
    "boxes": np.array([[1.0, 1, 5, 5]] * 4),
}
FIT = {
    "x": floats(6, 3),
    "y": np.arange(6) % 2,
    "queries": floats(2, 3),
    "query_labels": np.array([0, 1]),
}
RETRAINED = {
    "outputs": floats(5, 2, 2),
    "members": np.array([[1, 1, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1], [1, 1, 1]]),
    "query_labels": np.array([0, 1]),
    "pairs": np.array([[0, 1], [4, 2]]),
}
TABLES = {"influence": floats(3, 2), "influence_other": floats(3, 2)}


def bound(path: Path) -> object:
    """Bound ε by the scores of a file."""
    return bound_array_file(ScoreBoundOptions(arrays=path, out=path.parent / "out"))


def coco_objects(folder: Path) -> Path:
    """Write an image and the objects in it."""
    Image.new("RGB", (8, 4)).save(folder / "a.png")
    box = {"image_id": 1, "bbox": [1, 1, 2, 2], "category_id": 3, "iscrowd": 0}
    content = {
        "images": [{"id": 1, "file_name": "a.png"}],
        "annotations": [box],
        "categories": [{"id": 3, "name": "cat"}],
    }
    (folder / "coco.json").write_text(json.dumps(content))
    return folder / "coco.json"


def read_objects(path: Path) -> object:
    """Open the images of a COCO file with their objects."""
    return open_coco(path.parent, path)


def index_folder(folder: Path) -> Path:
    """Write an index of neighbours."""
    write_index(folder / "index", ArraySource(floats(90, 6).astype(np.float32)), IvfPqOptions())
    return folder / "index" / "index.faiss"


def search_index(path: Path) -> object:
    """Search an index whose card has the hash of what the file holds now, as of a stranger."""
    card_file = path.with_name("index.json")
    if path != card_file:
        card = json.loads(card_file.read_text()) | {"sha256": hash_file(path)}
        card_file.write_text(json.dumps(card))
    base = ArraySource(floats(90, 6).astype(np.float32))
    return nearest_approximate(floats(2, 6), base, path.parent, 3, device="cpu")


def ledger(state: bool) -> Callable[[Path], Path]:
    """Return what writes a plan of tasks, one of which failed; or that one's state."""

    def write(folder: Path) -> Path:
        tasks = Ledger(folder, "train")
        tasks.plan({"a": "1", "b": "2"})
        tasks.entry("a").fail("it failed")
        return tasks.entry("a").state_file if state else tasks.folder / "plan.json"

    return write


def read_ledger(path: Path) -> object:
    """Ask how far the tasks are, and go on with them."""
    tasks = Ledger(path.parents[2], "train")
    known = study_status(tasks.study), tasks.entry("a").read()
    path.with_name("plan.json").exists() and tasks.planned()
    return known


STAMP = Stamp(9_999, 1, 2, 3)


def kept_shard(folder: Path) -> Path:
    """Write what is kept of a shard."""
    places = np.array([512, 2048]), np.array([9, 9])
    listed = Samples(["a.jpg", "b.jpg"], *places, ["0", "1"], ["", ""], "cls")
    with (folder / "kept").open("wb") as stream:
        for array in kept_samples._as_arrays(listed, STAMP):
            np.save(stream, array)
    return folder / "kept"


def read_kept_shard(path: Path) -> object:
    """Read what is kept of a shard, if it can be trusted."""
    try:
        arrays = arrays_in(path.read_bytes())
    except ValueError as error:
        raise ImprintError(str(error)) from error
    return kept_samples._checked(arrays, STAMP)


def read_rehashed(path: Path) -> object:
    """Open a packed store whose header has the hash of a table as it is now."""
    change_table(path.parent, path.stem, read_npy(path))
    return read_packed(path)


VOCABULARY = {"words": ["a", "film"], "length": 4}
TEXT_CARD = TextCard("lstm_classifier", 4, 2, 4, {"width": 2, "hidden": 2})


def text_card(folder: Path) -> Path:
    """Write a tiny classifier of token ids; return its card."""
    save_text_network(folder / "t.safetensors", build_text_network(TEXT_CARD), TEXT_CARD)
    return folder / "t.json"


def read_text_network(path: Path) -> object:
    """Load the network beside a card, where the card is of one on token ids."""
    card = text_card_beside(path)
    return card and load_text_network(path.with_suffix(".safetensors"), card)


RECORDS = b"age,size,kind\n1,0.5,cat\n2,,dog\n3,1.5,cat\n"


def read_records(path: Path) -> object:
    """Open the records of a file, and read them."""
    records = as_records(path)
    return records.inputs.read(np.arange(len(records))), records.fingerprint()


def parquet_records(folder: Path) -> Path:
    """Write records with a column of lists."""
    columns = {"inputs": [[1.0, 2.0], [3.0, 4.0]], "label": ["a", "b"]}
    parquet.write_table(arrow_table(columns), folder / "a.parquet")
    return folder / "a.parquet"


def read_onnx(path: Path) -> object:
    """Load the model of an ONNX file, and run it."""
    return as_predictor(path).predict(np.ones((4, 3)), None)


READERS = (
    FuzzedReader("PNG", image(".png", "PNG"), read_image),
    FuzzedReader("palette PNG", image("p.png", "PNG", "P"), read_image),
    FuzzedReader("JPEG", image(".jpg", "JPEG"), read_image),
    FuzzedReader("GIF", image(".gif", "GIF", "P"), read_image),
    FuzzedReader("TIFF", image(".tif", "TIFF"), read_image),
    FuzzedReader("WebP", image(".webp", "WEBP"), read_image),
    FuzzedReader("BMP", image(".bmp", "BMP"), read_image),
    FuzzedReader("PPM", image(".ppm", "PPM"), read_image),
    FuzzedReader("vectors in a table", vectors_in_table, read_vectors),
    FuzzedReader("vectors in an array", vectors_in_npy, read_vectors, of_npy),
    FuzzedReader("array read by rows", stored_rows, read_rows, of_npy),
    FuzzedReader("arrays of images", npz(**ARRAYS), images_of(""), of_npz),
    FuzzedReader("images.npy", images_npy, images_of("images.npy"), of_npy),
    FuzzedReader("header of a packed store", packed("header.json"), read_packed, of_json),
    FuzzedReader("packed files", packed("encoded.bin"), read_packed),
    FuzzedReader("packed pixels", packed("pixels.npy"), read_packed, of_npy),
    FuzzedReader("labels of a packed store", packed("labels.npy"), read_packed, of_npy),
    *(
        FuzzedReader(f"{name} of a packed store", packed(f"{name}.npy"), read_rehashed, of_npy)
        for name in ("sizes", "offsets", "names", "digests")
    ),
    FuzzedReader("index of neighbours", index_folder, search_index),
    FuzzedReader(
        "card of an index of neighbours",
        lambda folder: index_folder(folder).with_name("index.json"),
        search_index,
        of_json,
    ),
    FuzzedReader("plan of tasks", ledger(state=False), read_ledger, of_json),
    FuzzedReader("state of a task", ledger(state=True), read_ledger, of_json),
    FuzzedReader("kept samples of a shard", kept_shard, read_kept_shard),
    FuzzedReader("shard", shard, images_of("")),
    FuzzedReader("Arrow stream of images", arrow_images(False), images_of("")),
    FuzzedReader("Arrow file of images", arrow_images(True), images_of("")),
    FuzzedReader("Arrow stream of pixels", arrow_images(False, True), images_of("")),
    FuzzedReader("Parquet of images", parquet_images(compression="none"), images_of("")),
    FuzzedReader("packed Parquet of images", parquet_images(compression="zstd"), images_of("")),
    FuzzedReader("saved dataset", saved_dataset, images_of("state.json"), of_json),
    FuzzedReader("index of ImageNet", npz(**INDEX), read_index, of_npz),
    FuzzedReader("boxes of Tiny ImageNet", tiny_imagenet, read_tiny_imagenet, of_text),
    FuzzedReader("words of classes", words, read_tiny_imagenet, of_text),
    FuzzedReader("CIFAR of Python 2", cifar(2), read_dictionary),
    FuzzedReader("CIFAR of Python 3", cifar(4), read_dictionary),
    FuzzedReader("IDX", idx(""), lambda path: read_idx(path, 3)),
    FuzzedReader("packed IDX", idx(".gz"), lambda path: read_idx(path, 3)),
    FuzzedReader("VOC", file("a.xml", VOC), parse_voc, of_text),
    FuzzedReader("VOC objects", file("a.xml", VOC), parse_named_objects, of_text),
    FuzzedReader("COCO", as_json(COCO), read_coco_file, of_json),
    FuzzedReader("COCO objects", coco_objects, read_objects, of_json),
    FuzzedReader("COCO as text", as_json(COCO), read_coco_file, of_text),
    FuzzedReader("YOLO", file("a.txt", YOLO), parse_yolo, of_text),
    FuzzedReader("index list", npy(np.arange(9)), read_index_list, of_npy),
    FuzzedReader(
        "indices of images", npy(np.arange(9)), lambda path: read_indices(path, TEN), of_npy
    ),
    FuzzedReader("order of images", npy(np.arange(9)), lambda path: read_order(path, TEN), of_npy),
    FuzzedReader("tags as JSON", as_json(TAGS), lambda path: read_tags(path, NAMES), of_json),
    FuzzedReader(
        "tags as CSV",
        file("a.csv", b"image,tag,score\na/1.jpg,sky,0.5\na/2.jpg,sea,\n"),
        lambda path: read_tags(path, NAMES),
        of_text,
    ),
    FuzzedReader(
        "frequencies", frequencies, lambda path: read_frequencies(path.parent, ("cat",)), of_json
    ),
    FuzzedReader("list of tags", file("a.txt", b"sky\t0.3\nsea\n"), read_tag_list, of_text),
    FuzzedReader("vocabulary", as_json(VOCABULARY), read_vocabulary, of_json),
    FuzzedReader("card of a text network", text_card, read_text_network, of_json),
    FuzzedReader("safetensors", weights, read_network),
    FuzzedReader("card", card, read_network, of_json),
    FuzzedReader("torch weights", torch_weights(legacy=False), read_network),
    FuzzedReader("torch weights before 1.6", torch_weights(legacy=True), read_network),
    FuzzedReader(
        "YAML of options",
        as_json(OPTIONS, "a.yaml"),
        lambda path: yaml_words(TrainNetwork, path),
        of_json,
    ),
    FuzzedReader(
        "published options", as_json(PUBLISHED, "a.yaml"), read_published_options, of_json
    ),
    FuzzedReader("published leave-one-out flags", as_json(LOOD), read_settings, of_json),
    FuzzedReader(
        "published command line",
        file("a.sh", b"python3 nt_opt_query.py --DEPTH 5 --ACT=relu --NUM_ITERS 9\n"),
        read_settings,
        of_text,
    ),
    FuzzedReader("influence pairs", npz(**PAIRS), read_pairs, of_npz),
    FuzzedReader("influence matrices", npz(**MATRIX), read_influence_matrix, of_npz),
    FuzzedReader("run of an ensemble", npz(**RUN), read_run, of_npz),
    FuzzedReader("arrays of dejavu attack", npz(**DEJAVU), read_two_model, of_npz),
    FuzzedReader("arrays of dejavu one-model", npz(**ONE_MODEL), read_one_model_arrays, of_npz),
    FuzzedReader("arrays of membership attack", npz(**CASE), membership_case.read_case, of_npz),
    FuzzedReader("arrays of leave-one-out fit", npz(**FIT), read_fit, of_npz),
    FuzzedReader("retrained models", npz(**RETRAINED), given_models.read_models, of_npz),
    FuzzedReader("influence tables", npz(**TABLES), given_models.read_tables, of_npz),
    FuzzedReader("arrays of coverage", npz(**ACTIVATIONS), tables_from_arrays, of_npz),
    FuzzedReader("table", table, lambda path: read_columns(path, "y")),
    FuzzedReader("importance", importance, read_importance),
    FuzzedReader("votes", votes, read_votes, of_text),
    FuzzedReader("importance of a layer", layer_json, read_layer_json, of_json),
    FuzzedReader("fitted criteria", fitted_criteria, read_fitted),
    FuzzedReader("faults of a search", faults, lambda path: read_faults(path.parent)),
    FuzzedReader("saved criterion", saved_criterion, load_criterion),
    FuzzedReader(
        "measured coverage",
        measured_coverage,
        lambda path: read_seen(path, read_fitted(path.with_name("fitted.safetensors"))),
    ),
    FuzzedReader("selector", selector, read_selector),
    FuzzedReader(
        "card of a selector",
        lambda folder: selector(folder).with_suffix(".json"),
        read_selector,
        of_json,
    ),
    FuzzedReader("monitor", monitor, read_monitor),
    FuzzedReader(
        "card of a monitor",
        lambda folder: monitor(folder).with_suffix(".json"),
        read_monitor,
        of_json,
    ),
    FuzzedReader(
        "layers of activations", activations, lambda path: read_activations(path.parent), of_json
    ),
    FuzzedReader("activations", values, lambda path: read_activations(path.parent), of_npy),
    FuzzedReader("masks", masks, read_masks, of_npy),
    FuzzedReader(
        "state of a task",
        lambda folder: task_ledger(folder).entry("models/0").state_file,
        lambda path: Ledger(path.parents[2], "train").entry("models/0").read(),
        of_json,
    ),
    FuzzedReader(
        "plan of tasks",
        lambda folder: task_ledger(folder).folder / PLAN,
        lambda path: study_status(path.parents[2]),
        of_json,
    ),
    FuzzedReader(
        "card of masks",
        lambda folder: masks(folder).with_suffix(".json"),
        lambda path: read_masks(path.with_suffix(".npy")),
        of_json,
    ),
    FuzzedReader(
        "manifest of a split", split, lambda path: load_partitions(path.parent, "abc"), of_json
    ),
    FuzzedReader("card of a step", step_card, read_step, of_json),
    FuzzedReader(
        "picture of a gallery",
        image(".png", "PNG"),
        lambda path: read_picture(path.parent, path.name),
    ),
    FuzzedReader("cards of a gallery", gallery, draw_gallery, of_json),
    FuzzedReader("records as CSV", file("a.csv", RECORDS), read_records, of_text),
    FuzzedReader("records as Parquet", parquet_records, read_records),
    FuzzedReader(
        "records as arrays",
        npz(inputs=floats(4, 3), targets=np.array([0, 1, 1, 0]), groups=np.arange(4)),
        read_records,
        of_npz,
    ),
    FuzzedReader("ONNX", file("a.onnx", linear(floats(3, 2))), read_onnx),
)


class Hang(BaseException):
    """Reading took longer than it may."""


@contextmanager
def limited_time() -> Iterator[None]:
    """Stop what computes for longer than :data:`MAX_CPU_SECONDS`, on a loaded machine as well."""

    def stop(_: int, __: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, MAX_CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def survives(reader: FuzzedReader, path: Path) -> str:
    """Read a mutant; return "" for a value, a refusal of one sentence, or what went wrong."""
    try:
        with limited_time(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.read(path)
        return ""
    except ImprintError as error:
        sentence = str(error)
        if "\n" in sentence or len(sentence) > 3000:
            return f"{len(sentence)} letters in more than a sentence: {sentence[:200]!r}"
        return REFUSED + sentence
    except Hang:
        return f"more than {MAX_CPU_SECONDS} s"
    except BaseException as error:
        return f"{type(error).__name__}: {error} at {_place(error)}"


def mutants(
    reader: FuzzedReader, folder: Path, count: int, seed: int
) -> Iterator[tuple[int, Path]]:
    """Write one mutant after another to the reader's file; yield its number and the file."""
    path = reader.write(folder)
    valid = path.read_bytes()
    told = survives(reader, path)
    assert told == "", f"the valid file of {reader.name} is not read: {told}"
    for number in range(count):
        random = np.random.default_rng([seed, number])
        path.unlink()  # ten times as fast as to write over it
        path.write_bytes(reader.mutate(valid, random))
        yield number, path


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    places = []
    while trace is not None:
        places.append(f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}")
        trace = trace.tb_next
    return " > ".join(places[-4:])
