"""The references of the one-model test, each a step of the study."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

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
from imprint.data.tags.tag_files import check_tags, find_tag_files, read_tags
from imprint.data.tags.visual_words import fit_visual_words
from imprint.data.view import View
from imprint.lenses.dejavu.memorization.cross_fit import FitAndPredict, cross_fit
from imprint.lenses.dejavu.memorization.naive_bayes import fit_naive_bayes, tag_counts
from imprint.lenses.dejavu.options import ReferenceChoice
from imprint.lenses.dejavu.study.roles import CropPool
from imprint.nets.load import NetworkFile
from imprint.probe.embeddings import embed
from imprint.study.counted import uncounted
from imprint.study.hashing import hash_file
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import read_table, write_table
from imprint.train.crop_classifier import predict_crops
from imprint.train.linear_head import choose_strength, fit_linear_head
from imprint.train.loop import train
from imprint.train.options import TrainOptions

DESCRIBED_SIDE = 32
"""Side in pixels at which colours and edges of crops are described."""
MIN_CROPS_TO_TUNE_ON = 50
"""Crops that are never predicted, from which on they alone choose the strength of a linear head."""


@dataclass(frozen=True)
class ReferencePool:
    """The crops of a one-model test, and how they are cross-fitted.

    Attributes:
        crops: which crops, and which of them are predicted.
        seeds: how often references are trained.
    """

    images: ImageSet
    crops: CropPool
    folds: int
    seeds: int
    seed: int
    study: Study = uncounted()
    device: torch.device = uncounted()

    @property
    def view(self) -> View:
        """All crops as models see them."""
        return View(self.images, self.crops.index, rectangles=self.crops.squares)

    @property
    def labels(self) -> IntArray:
        """The class of every crop, int64 ``[n]``."""
        return self.view.labels

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.images.classes)

    def cropped(self) -> CroppedImages:
        """Return the crops as a set of images."""
        return CroppedImages(self.images, self.crops.index, self.crops.squares)

    def small(self) -> Pixels:
        """Return all crops at the side at which they are described, uint8 ``[n, C, 32, 32]``."""
        return self.view.read(DESCRIBED_SIDE).pixels


@dataclass(frozen=True)
class Reference(Step):
    """One reference, cross-fitted; writes its log-probabilities of the attacked crops."""

    pool: ReferencePool

    name: ClassVar[str]

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Where the log-probabilities go."""
        return f"references/{self.name}.parquet"

    def build(self, path: Path) -> None:
        """Write the log-probabilities."""
        rows = cross_fit(
            self.trainer(),
            self.pool.crops.attacked,
            self.pool.labels,
            self.pool.folds,
            self.pool.seeds,
            derive(self.pool.seed, "reference", self.name),
        )
        index = self.pool.crops.index[self.pool.crops.attacked]
        write_table(path, {"index": index, "log_probability": rows.astype(np.float32)})

    @abstractmethod
    def trainer(self) -> FitAndPredict:
        """Return what trains a reference on some crops and predicts others."""


@dataclass(frozen=True)
class CropClassifier(Reference):
    """A network trained to name the object from the crop.

    Attributes:
        least_steps: with few crops it takes more epochs, for as many batches.
    """

    train: TrainOptions
    least_steps: int

    name = "crop_classifier"

    def trainer(self) -> FitAndPredict:
        """Return what trains the classifier, each fold a step of its own."""
        pool = self.pool
        crops = crops_in_memory(pool.cropped(), self.train.input_size)

        def fit_and_predict(
            rows: IntArray, predicted: IntArray, name: str, seed: int
        ) -> FloatArray:
            options = with_enough_epochs(self.train, len(rows), self.least_steps)
            step = TrainCropClassifier(name, pool.view, options, rows, seed, crops, pool.device)
            weights = pool.study.run(step) / "final.safetensors"
            return predict_crops(weights, crops, predicted, pool.device)

        return fit_and_predict


@dataclass(frozen=True)
class TrainCropClassifier(Step):
    """Train a classifier on some of the crops into ``models/crops/NAME``."""

    name: str
    view: View
    options: TrainOptions
    rows: IntArray
    seed: int
    crops: ImageSet = uncounted()
    device: torch.device = uncounted()

    resumable = True

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """Where the weights go."""
        return f"models/crops/{self.name}"

    def build(self, path: Path) -> None:
        """Train the classifier, or go on training it."""
        title = f"g {self.name}"
        train(self.crops, self.rows, self.options, path, self.seed, self.device, title)


def with_enough_epochs(options: TrainOptions, crops: int, least_steps: int) -> TrainOptions:
    """Return options with as many epochs as so many steps take, and the same share of warm-up.

    Args:
        options: of the classifier.
        crops: how many it is trained on.
        least_steps: batches it is trained on at least.
    """
    steps_per_epoch = max(1, crops // min(options.batch_size, crops))
    epochs = max(options.epochs, -(-least_steps // steps_per_epoch))
    warmup = options.warmup_epochs
    scaled = None if warmup is None else warmup * epochs / options.epochs
    return replace(options, epochs=epochs, warmup_epochs=scaled)


@dataclass(frozen=True)
class NaiveBayesOnTags(Reference):
    """Naive Bayes on tags of the crop.

    Attributes:
        hashes: of the files of tags.
    """

    top_tags: int
    smoothing: float
    hashes: tuple[str, ...]
    tags: Path | None = uncounted()

    name = "naive_bayes"

    def trainer(self) -> FitAndPredict:
        """Return what counts tags and applies Bayes' rule."""
        pool, labels = self.pool, self.pool.labels
        tags = self._read_tags().top(self.top_tags)

        def fit_and_predict(
            rows: IntArray, predicted: IntArray, name: str, seed: int
        ) -> FloatArray:
            counts = tag_counts(tags.rows(rows), labels[rows], pool.classes)
            crops = np.bincount(labels[rows], minlength=pool.classes)
            model = fit_naive_bayes(tags.vocabulary, counts, crops, self.smoothing)
            return model.log_posterior(tags.rows(predicted)).astype(np.float64)

        return fit_and_predict

    def _read_tags(self) -> Tags:
        if self.tags is None:
            crops = self.pool.small()
            return fit_visual_words(crops, seed=self.pool.seed).annotate(crops)
        names = [self.pool.images.name_of(int(index)) for index in self.pool.crops.index]
        return read_tags(self.tags, names)


@dataclass(frozen=True)
class LinearHeadOnFeatures(Reference):
    """A linear classifier on features of a network; without one, of colours and edges."""

    encoder: NetworkFile | None

    name = "linear_head"

    def trainer(self) -> FitAndPredict:
        """Return what fits the head, of a strength that is chosen once."""
        pool, labels = self.pool, self.pool.labels
        features = self._features()
        others = np.flatnonzero(~pool.crops.attacked)
        enough = len(np.unique(labels[others])) > 1 and len(others) >= MIN_CROPS_TO_TUNE_ON
        # One of six numbers: where all crops are predicted, their labels choose only that.
        tuned_on = others if enough else slice(None)
        strength = choose_strength(
            features[tuned_on], labels[tuned_on], pool.classes, derive(pool.seed, "linear head")
        )

        def fit_and_predict(
            rows: IntArray, predicted: IntArray, name: str, seed: int
        ) -> FloatArray:
            head = fit_linear_head(features[rows], labels[rows], pool.classes, strength)
            return head.log_probabilities(features[predicted])

        return fit_and_predict

    def _features(self) -> NDArray[np.float32]:
        """Return features of all crops, float32 ``[n, d]``."""
        if self.encoder is None:
            return pyramid_descriptors(self.pool.small())
        models = {"features": self.encoder.load(self.pool.device)}
        embeddings = embed(models, self.pool.view, ("backbone",), "features of crops")
        return embeddings["features"]["backbone"]


def _crop_classifier(pool: ReferencePool, choice: ReferenceChoice) -> Reference:
    return CropClassifier(pool, choice.classifier, choice.classifier_steps)


def _naive_bayes(pool: ReferencePool, choice: ReferenceChoice) -> Reference:
    tags = choice.tags
    files = [] if tags is None else find_tag_files(tags)
    hashes = tuple(hash_file(file) for file in files)
    return NaiveBayesOnTags(pool, choice.top_tags, choice.smoothing, hashes, tags)


def _linear_head(pool: ReferencePool, choice: ReferenceChoice) -> Reference:
    file = choice.feature_encoder
    return LinearHeadOnFeatures(pool, None if file is None else NetworkFile(file))


REFERENCES: Mapping[str, Callable[[ReferencePool, ReferenceChoice], Reference]] = {
    CropClassifier.name: _crop_classifier,
    NaiveBayesOnTags.name: _naive_bayes,
    LinearHeadOnFeatures.name: _linear_head,
}


def make_references(pool: ReferencePool, choice: ReferenceChoice) -> dict[str, FloatArray]:
    """Make every chosen reference that is not there yet; return their log-probabilities.

    Returns:
        float32 ``[m, C]`` by name, the attacked crops in the order of the pool.

    Raises:
        ImprintError: an unknown reference, or one that lacks what it needs.
    """
    check_references(choice)
    paths = {name: pool.study.run(REFERENCES[name](pool, choice)) for name in choice.references}
    return {name: read_table(path)["log_probability"] for name, path in paths.items()}


def check_references(choice: ReferenceChoice) -> None:
    """Check the choice of references before anything is made.

    Raises:
        ImprintError: no reference, an unknown one, one named twice, or a file that is not there.
    """
    names = choice.references
    unknown = [name for name in names if name not in REFERENCES]
    if unknown or not names or len(set(names)) != len(names):
        raise ImprintError(
            f"--references is {','.join(names) or 'empty'}: choose among "
            f"{','.join(REFERENCES)}, each once"
        )
    if choice.classifier.objective != "supervised" and "crop_classifier" in names:
        raise ImprintError(
            f"--classifier.objective is {choice.classifier.objective}: a classifier of crops is "
            "trained with supervised"
        )
    for flag, path in (("tags", choice.tags), ("feature-encoder", choice.feature_encoder)):
        if path is not None and not path.exists():
            raise ImprintError(f"--{flag}: there is no file {path}: check the path")
    if choice.tags is not None and "naive_bayes" in names:
        check_tags(choice.tags)
