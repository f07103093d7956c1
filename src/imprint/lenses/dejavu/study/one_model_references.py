"""The references of the one-model test, each a step of the study: trained, asked, written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray, Pixels
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.data.boxes.cropped import CroppedImages, crops_in_memory
from imprint.data.imageset import ImageSet
from imprint.data.tags.annotation import Tags
from imprint.data.tags.descriptors import pyramid_descriptors
from imprint.data.tags.tag_files import check_tags, read_tags
from imprint.data.tags.visual_words import fit_visual_words
from imprint.data.view import View
from imprint.lenses.dejavu.memorization.cross_fit import FitAndPredict, cross_fit
from imprint.lenses.dejavu.memorization.naive_bayes import fit_naive_bayes, tag_counts
from imprint.lenses.dejavu.study.one_model_options import ReferenceChoice
from imprint.lenses.dejavu.study.one_model_roles import CropPool
from imprint.nets.load import NetworkFile, load_model
from imprint.probe.embeddings import embed
from imprint.study.hashing import hash_arrays, hash_file
from imprint.study.plain import to_plain
from imprint.study.store import Study
from imprint.study.tables import read_table, write_table
from imprint.train.crop_classifier import predict_crops
from imprint.train.linear_head import choose_strength, fit_linear_head
from imprint.train.loop import train
from imprint.train.options import TrainOptions

FOLDER = "references"
DESCRIBED_SIDE = 32
"""Side in pixels at which colours and edges of crops are described."""


@dataclass(frozen=True)
class Pool:
    """What references are made from.

    Attributes:
        study: where they go.
        images: where crops are cut from.
        crops: which crops, and which of them are judged.
        choice: how references are made.
        seed: of everything random.
        device: where networks run.
    """

    study: Study
    images: ImageSet
    crops: CropPool
    choice: ReferenceChoice
    seed: int
    device: torch.device

    @property
    def labels(self) -> IntArray:
        """The class of every crop, int64 ``[n]``."""
        return self.images.labels[self.crops.index]

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.images.classes)

    def cropped(self) -> CroppedImages:
        """Return the crops as a set of images."""
        return CroppedImages(self.images, self.crops.index, self.crops.squares)

    def small(self) -> Pixels:
        """Return all crops at the side at which they are described, uint8 ``[n, C, 32, 32]``."""
        parts = np.array_split(np.arange(len(self.crops.index)), len(self.crops.index) // 1024 + 1)
        index, squares = self.crops.index, self.crops.squares
        return np.concatenate(
            [self.images.read(index[part], squares[part], DESCRIBED_SIDE) for part in parts]
        )

    def cross_fit(self, name: str, fit_and_predict: FitAndPredict) -> FloatArray:
        """Return log-probabilities of the judged crops, ``[judged, C]``."""
        return cross_fit(
            fit_and_predict,
            self.crops.attacked,
            self.labels,
            self.choice.folds,
            self.choice.seeds,
            derive(self.seed, "reference", name),
        )


def reference_steps(pool: Pool) -> dict[str, FloatArray]:
    """Make every chosen reference that is not there yet; return their log-probabilities.

    Returns:
        float32 ``[judged, C]`` by name, judged crops in the order of the pool.

    Raises:
        ImprintError: an unknown reference, or one that lacks what it needs.
    """
    check_references(pool.choice)
    found = {}
    for name in pool.choice.references:
        settings = {**_shared_settings(pool), **_SETTINGS[name](pool)}

        def build(file: Path, name: str = name) -> None:
            rows = _REFERENCES[name](pool).astype(np.float32)
            index = pool.crops.index[pool.crops.attacked]
            write_table(file, {"index": index, "log_probability": rows})

        path = pool.study.step(f"{FOLDER}/{name}.parquet", settings, build)
        found[name] = read_table(path)["log_probability"]
    return found


def check_references(choice: ReferenceChoice) -> None:
    """Check what is asked of references before anything is made.

    Raises:
        ImprintError: no reference, an unknown one, one named twice, a number out of its range, or
            a file that is not there.
    """
    names = choice.references
    unknown = [name for name in names if name not in _REFERENCES]
    if unknown or not names or len(set(names)) != len(names):
        raise ImprintError(
            f"--references is {','.join(names) or 'empty'}: choose among "
            f"{','.join(_REFERENCES)}, each once"
        )
    if choice.classifier.objective != "supervised" and "crop_classifier" in names:
        raise ImprintError(
            f"--classifier.objective is {choice.classifier.objective}: a classifier of crops is "
            "trained with supervised"
        )
    for name, least in (("folds", 1), ("seeds", 1), ("top_tags", 1), ("classifier_steps", 0)):
        if getattr(choice, name) < least:
            flag = name.replace("_", "-")
            raise ImprintError(f"--{flag} is {getattr(choice, name)}: choose {least} or more")
    if not choice.smoothing > 0:
        raise ImprintError(f"--smoothing is {choice.smoothing:g}: choose a number above 0, as 1")
    for flag, path in (("tags", choice.tags), ("feature-encoder", choice.feature_encoder)):
        if path is not None and not path.exists():
            raise ImprintError(f"--{flag}: there is nothing at {path}: check the path")
    if choice.tags is not None and "naive_bayes" in names:
        check_tags(choice.tags)


def _shared_settings(pool: Pool) -> dict[str, Any]:
    return {
        "data": pool.images.fingerprint(),
        "crops": hash_arrays(pool.crops.index, pool.crops.squares, pool.crops.attacked),
        "folds": pool.choice.folds,
        "seeds": pool.choice.seeds,
        "seed": pool.seed,
    }


def _crop_classifier(pool: Pool) -> FloatArray:
    options = pool.choice.classifier
    crops = crops_in_memory(pool.cropped(), options.input_size)
    shared = _shared_settings(pool)

    def fit_and_predict(rows: IntArray, judged: IntArray, name: str, seed: int) -> FloatArray:
        enough = enough_epochs(options, len(rows), pool.choice.classifier_steps)

        def build(folder: Path) -> None:
            train(crops, rows, enough, folder, seed, pool.device, f"g {name}")

        settings = {**shared, "train": to_plain(enough), "rows": hash_arrays(rows), "seed": seed}
        folder = pool.study.step(f"models/crops/{name}", settings, build, resumable=True)
        return predict_crops(folder / "final.safetensors", crops, judged, pool.device)

    return pool.cross_fit("crop_classifier", fit_and_predict)


def enough_epochs(options: TrainOptions, crops: int, least_steps: int) -> TrainOptions:
    """Return options with as many epochs as so many steps take, and the same share of warm-up.

    Args:
        options: of the classifier.
        crops: how many it is trained on.
        least_steps: batches it sees at least.
    """
    an_epoch = max(1, crops // min(options.batch_size, crops))
    epochs = max(options.epochs, -(-least_steps // an_epoch))
    rising = options.warmup_epochs
    scaled = None if rising is None else rising * epochs / options.epochs
    return replace(options, epochs=epochs, warmup_epochs=scaled)


def _naive_bayes(pool: Pool) -> FloatArray:
    tags, labels = _tags(pool), pool.labels

    def fit_and_predict(rows: IntArray, judged: IntArray, name: str, seed: int) -> FloatArray:
        counts = tag_counts(tags.rows(rows), labels[rows], pool.classes)
        crops = np.bincount(labels[rows], minlength=pool.classes)
        model = fit_naive_bayes(tags.vocabulary, counts, crops, pool.choice.smoothing)
        return model.log_posterior(tags.rows(judged)).astype(np.float64)

    return pool.cross_fit("naive_bayes", fit_and_predict)


def _tags(pool: Pool) -> Tags:
    if pool.choice.tags is not None:
        names = [pool.images.name_of(int(index)) for index in pool.crops.index]
        found = read_tags(pool.choice.tags, names)
    else:
        crops = pool.small()
        found = fit_visual_words(crops, seed=pool.seed).annotate(crops)
    return found.top(pool.choice.top_tags)


def _linear_head(pool: Pool) -> FloatArray:
    features, labels = _features(pool), pool.labels
    others = np.flatnonzero(~pool.crops.attacked)
    chosen_on = others if len(np.unique(labels[others])) > 1 and len(others) >= 50 else slice(None)
    # One of six numbers: where all crops are judged, their labels choose it, and nothing else.
    strength = choose_strength(
        features[chosen_on], labels[chosen_on], pool.classes, derive(pool.seed, "linear head")
    )

    def fit_and_predict(rows: IntArray, judged: IntArray, name: str, seed: int) -> FloatArray:
        head = fit_linear_head(features[rows], labels[rows], pool.classes, strength)
        return head.log_probabilities(features[judged])

    return pool.cross_fit("linear_head", fit_and_predict)


def _features(pool: Pool) -> NDArray[np.float32]:
    """Return features of all crops, float32 ``[n, d]``."""
    file = pool.choice.feature_encoder
    if file is None:
        return pyramid_descriptors(pool.small())
    model = load_model(file, device=pool.device)
    crops = View(pool.images, pool.crops.index, rectangles=pool.crops.squares)
    return embed({"features": model}, crops, ("backbone",), "features of crops")["features"][
        "backbone"
    ]


_REFERENCES: dict[str, Callable[[Pool], FloatArray]] = {
    "crop_classifier": _crop_classifier,
    "naive_bayes": _naive_bayes,
    "linear_head": _linear_head,
}
_SETTINGS: dict[str, Callable[[Pool], dict[str, Any]]] = {
    "crop_classifier": lambda pool: {
        "train": to_plain(pool.choice.classifier),
        "least_steps": pool.choice.classifier_steps,
    },
    "naive_bayes": lambda pool: {
        "tags": None if pool.choice.tags is None else _hash_of_tags(pool.choice.tags),
        "top_tags": pool.choice.top_tags,
        "smoothing": pool.choice.smoothing,
    },
    "linear_head": lambda pool: {
        "encoder": None
        if pool.choice.feature_encoder is None
        else NetworkFile(pool.choice.feature_encoder).fingerprint()
    },
}


def _hash_of_tags(path: Path) -> str | list[str]:
    if path.is_dir():
        return [hash_file(file) for file in sorted(path.rglob("*_labels.json"))]
    return hash_file(path)
