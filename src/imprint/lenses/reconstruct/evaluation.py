"""From what networks make of samples and originals to findings: arrays in, findings out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import generator
from imprint.core.user_arrays import as_whole
from imprint.lenses.reconstruct.findings import (
    Difference,
    EncoderRecall,
    ReconstructFindings,
    SampleQuality,
    SetRecall,
)
from imprint.lenses.reconstruct.quality.frechet import frechet_quality
from imprint.lenses.reconstruct.quality.kernel import kernel_distance
from imprint.lenses.reconstruct.quality.manifold import manifold_quality
from imprint.lenses.reconstruct.recall.class_share import class_share
from imprint.lenses.reconstruct.recall.shuffled import shuffled_share, shuffled_similarity
from imprint.lenses.reconstruct.recall.similarity import directions, mean_similarity
from imprint.stats.bootstrap import mean_share
from imprint.stats.estimate import Estimate
from imprint.stats.studentised import studentised_mean

Measured = TypeVar("Measured")


@dataclass(frozen=True, eq=False)
class SampleReadings:
    """What the networks make of the samples of one encoder.

    Attributes:
        classes: whole numbers ``[n, s]``, predicted class of each sample of each image.
        features: ``[n, s, d]``, penultimate features of each sample.
    """

    classes: ArrayLike
    features: ArrayLike


@dataclass(frozen=True, eq=False)
class ImageReadings:
    """What the networks make of a set of images and of their samples.

    Attributes:
        labels: whole numbers ``[n]``, class of each original, n ≥ 2.
        classes: whole numbers ``[n]``, predicted class of each original.
        features: ``[n, d]``, features of each original, of the network that those of samples
            come from.
        target: samples of the target.
        reference: samples of the reference; None without one.
    """

    labels: ArrayLike
    classes: ArrayLike
    features: ArrayLike
    target: SampleReadings
    reference: SampleReadings | None = None

    @property
    def samples(self) -> Mapping[str, SampleReadings]:
        """The samples by the role of their encoder."""
        both = {"target": self.target, "reference": self.reference}
        return {role: readings for role, readings in both.items() if readings is not None}


def evaluate_samples(
    originals: ImageReadings,
    leak: ImageReadings | None = None,
    real: ArrayLike | None = None,
    *,
    classifier: str = "the classifier",
    features: str = "the classifier",
    seed: int = 0,
) -> ReconstructFindings:
    """Return recall and quality of samples.

    Args:
        originals: the images whose samples are judged: of a claim, images that the target was
            trained on and the reference was not.
        leak: the same of images that neither encoder was trained on; None without a leak test.
        real: ``[m, d]``, features of real images that quality is measured against; None: of the
            originals.
        classifier: name of the network that predicted the classes.
        features: name of the network that made the features.
        seed: of bootstraps, exchanges and splits.

    Raises:
        ImprintError: shapes that do not fit, fewer than two images, a class below 0, or a leak test
            without a reference.
    """
    if leak is not None and (originals.reference is None or leak.reference is None):
        raise ImprintError(
            "a leak test compares target and reference: give samples of a reference for the "
            "originals and for the leak test"
        )
    against = originals.features if real is None else real
    return ReconstructFindings(
        classifier,
        features,
        set_recall(originals, seed),
        {
            role: sample_quality(against, readings.features, seed)
            for role, readings in originals.samples.items()
        },
        real is None,
        None if leak is None else set_recall(leak, seed),
    )


def set_recall(images: ImageReadings, seed: int = 0) -> SetRecall:
    """Return what samples of a set of images have in common with them.

    Raises:
        ImprintError: as :func:`evaluate_samples`.
    """
    labels = _classes(images.labels, "labels", 1)
    predicted = _classes(images.classes, "predicted classes of originals", 1)
    if len(labels) != len(predicted) or len(labels) < 2:
        raise ImprintError(
            f"{len(labels)} labels and {len(predicted)} predicted classes of originals: give as "
            "many of both, and at least 2"
        )
    _check_features(images, len(labels))
    encoders = {
        role: _encoder_recall(role, images, readings, labels, seed)
        for role, readings in images.samples.items()
    }
    shares = None
    similarity: Difference | Missing | None = None
    if images.reference is not None:
        pair = class_share(images.target.classes, images.reference.classes, labels, seed)
        shares = Difference(pair.difference, pair.p_value)
        similarity = _similarity_difference(images, images.reference, seed)
    return SetRecall(
        len(labels),
        mean_share(predicted == labels, generator(seed, "recall share", "originals")),
        mean_share(
            shuffled_share(predicted[:, None], labels),
            generator(seed, "recall share", "originals shuffled"),
        ),
        encoders["target"],
        encoders.get("reference"),
        shares,
        similarity,
    )


def _encoder_recall(
    role: str, images: ImageReadings, readings: SampleReadings, labels: IntArray, seed: int
) -> EncoderRecall:
    classes = _classes(readings.classes, f"predicted classes of {role} samples", 2)
    if len(classes) != len(labels) or classes.shape[1] == 0:
        raise ImprintError(
            f"predicted classes of {role} samples must be [{len(labels)}, samples], one row an "
            f"image, got {list(classes.shape)}"
        )
    right = (classes == labels[:, None]).mean(axis=1)
    return EncoderRecall(
        classes.shape[1],
        mean_share(right, generator(seed, "recall share", role)),
        mean_share(
            shuffled_share(classes, labels), generator(seed, "recall share", role, "shuffled")
        ),
        *_similarities(role, images.features, readings.features, seed),
    )


def _similarities(
    role: str, originals: ArrayLike, samples: ArrayLike, seed: int
) -> tuple[Estimate | Missing, Estimate | Missing]:
    """Return the mean cosine of samples with their original, and with others."""
    try:
        truth = directions(originals, "originals", 2)
        own = directions(samples, f"{role} samples", 3)
    except ImprintError as error:
        missing = Missing(str(error))
        return missing, missing
    cosines = np.einsum("nsd,nd->n", own, truth) / own.shape[1]
    random = generator(seed, "recall similarity", role)
    shuffled = generator(seed, "recall similarity", role, "shuffled")
    return (
        studentised_mean(cosines, random),
        studentised_mean(shuffled_similarity(own, truth), shuffled),
    )


def _check_features(images: ImageReadings, count: int) -> None:
    truth = np.shape(images.features)
    if len(truth) != 2 or truth[0] != count:
        raise ImprintError(
            f"features of originals must be [{count}, features], one row a label, got {list(truth)}"
        )
    for role, readings in images.samples.items():
        own, classes = np.shape(readings.features), np.shape(readings.classes)
        if len(own) != 3 or own[:2] != classes or own[2] != truth[1]:
            raise ImprintError(
                f"features of {role} samples are {list(own)}, their classes {list(classes)} and "
                f"features of originals {list(truth)}: images, samples and features must agree"
            )


def _similarity_difference(
    images: ImageReadings, reference: SampleReadings, seed: int
) -> Difference | Missing:
    pair = _or_missing(
        lambda: mean_similarity(images.target.features, reference.features, images.features, seed)
    )
    return pair if isinstance(pair, Missing) else Difference(pair.difference, pair.p_value)


def sample_quality(real: ArrayLike, samples: ArrayLike, seed: int = 0) -> SampleQuality:
    """Return how close samples come to real images, on the first sample of each image.

    Samples of one image are alike: all of them would pass for more images than there are, and
    each would lie in the balls of its siblings.

    Args:
        real: ``[m, d]``, features of real images.
        samples: ``[n, s, d]``, features of samples.
        seed: of splits.

    Returns:
        measures that need more images are missing.
    """
    generated = np.asarray(samples)[:, 0]
    return SampleQuality(
        _or_missing(lambda: frechet_quality(real, generated, seed=seed)),
        _or_missing(lambda: kernel_distance(real, generated)),
        _or_missing(lambda: manifold_quality(real, generated, seed=seed)),
    )


def _or_missing(measure: Callable[[], Measured]) -> Measured | Missing:
    """Return what is measured, or why it cannot be: too few images, features that are all 0."""
    try:
        return measure()
    except ImprintError as error:
        return Missing(str(error))


def _classes(values: ArrayLike, name: str, axes: int) -> IntArray:
    classes = as_whole(values, name)
    if classes.ndim != axes or (classes < 0).any():
        shape = "[images]" if axes == 1 else "[images, samples]"
        raise ImprintError(f"{name} must be {shape}, from 0 on, got {list(classes.shape)}")
    return classes
