"""``imprint reconstruct evaluate``: what samples show of their originals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray, Pixels
from imprint.core.device import DeviceName, choose_device
from imprint.core.errors import ImprintError
from imprint.data.choice import image_facts, open_choice
from imprint.data.imageset import ImageSet
from imprint.data.index_list import read_indices
from imprint.data.view import View
from imprint.lenses.reconstruct.evaluate_options import EvaluateOptions
from imprint.lenses.reconstruct.evaluation import ImageReadings, SampleReadings, evaluate_samples
from imprint.lenses.reconstruct.findings import ReconstructFindings
from imprint.lenses.reconstruct.study.judge import Judge, Judged
from imprint.lenses.reconstruct.study.sample_file import FOLDER, SAMPLES, read_samples
from imprint.lenses.reconstruct.study.sample_gallery import SampleGallery
from imprint.nets.load import NetworkFile, network_file
from imprint.report.summary import finish
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, to_json, write_finding
from imprint.study.hashing import hash_file
from imprint.study.json_io import read_json
from imprint.study.plain import JsonObject
from imprint.study.step import Step
from imprint.study.store import Study, card_path
from imprint.study.tables import write_table

TABLES = "tables/reconstruct"
ROLES = ("target", "reference")
MEANINGS = {
    "label": "class of the original",
    "sample": "number of the sample of its image, from 0",
    "predicted_class": "class that the classifier gives",
    "probability": "of the predicted class, by the classifier",
    "label_probability": "of the class of the original, by the classifier",
    "similarity": "cosine similarity to the original, in penultimate features; NaN where all are 0",
}


@dataclass(frozen=True, eq=False, kw_only=True)
class SampleSet:
    """Samples of a set of images, by one encoder or by two.

    Attributes:
        images: the originals, in the order of the samples.
        hashes: of the files of samples, by role.
        pixels: uint8 ``[n, s, C, S, S]`` by role.
    """

    images: View
    hashes: Mapping[str, str]
    pixels: Mapping[str, Pixels] = uncounted()

    @property
    def side(self) -> int:
        """Side of the samples in pixels."""
        return int(self.pixels["target"].shape[-1])


@dataclass(frozen=True)
class EvaluateSamples(Step):
    """Judge samples: a table of samples a set and role, one of originals a set; findings.json.

    Attributes:
        originals: samples of the images in question.
        leak: samples of images of neither encoder; None without a leak test.
        real: real images that quality is measured against; None for the originals.
        classifier: names the class.
        features: makes the features; None for the classifier.
        classes: of the images.
        seed: of bootstraps and splits.
    """

    originals: SampleSet
    leak: SampleSet | None
    real: View | None
    classifier: NetworkFile
    features: NetworkFile | None
    classes: tuple[str, ...]
    seed: int
    names: tuple[str, str]
    device: DeviceName = uncounted(default="auto")

    artefact = TABLES

    def build(self, path: Path) -> None:
        """Write tables and findings."""
        device = choose_device(self.device)
        features = None if self.features is None else self.features.load(device)
        judge = Judge(self.classifier.load(device), features, self.classes)
        path.mkdir(exist_ok=True)
        originals = _judge_set(judge, self.originals, path, "")
        leak = None if self.leak is None else _judge_set(judge, self.leak, path, "leak_")
        real = None
        if self.real is not None:
            pixels = self.real.read(self.originals.side).pixels
            real = judge.features_of(pixels, "judge real images")
        classifier, features_name = self.names
        findings = evaluate_samples(
            originals, leak, real, classifier=classifier, features=features_name, seed=self.seed
        )
        write_finding(path / "findings.json", findings)


def _judge_set(judge: Judge, samples: SampleSet, path: Path, prefix: str) -> ImageReadings:
    """Return what networks make of a set; write its tables."""
    labels, index = samples.images.labels, samples.images.index
    pixels = samples.images.read(samples.side).pixels
    originals = judge.judge(pixels, f"judge {prefix.replace('_', ' ')}originals")
    write_table(
        path / f"{prefix}originals.parquet",
        {"index": index, "label": labels, **_verdicts(originals, labels)},
        MEANINGS,
    )
    readings: dict[str, SampleReadings] = {}
    for role, drawn in samples.pixels.items():
        count = drawn.shape[1]
        flat = np.ascontiguousarray(drawn.reshape(-1, *drawn.shape[2:]))
        judged = judge.judge(flat, f"judge {prefix.replace('_', ' ')}samples of the {role}")
        own = np.repeat(np.arange(len(index)), count)
        table = {
            "index": index[own],
            "label": labels[own],
            "sample": np.tile(np.arange(count), len(index)),
            **_verdicts(judged, labels[own]),
            "similarity": _cosines(judged, originals, own),
        }
        write_table(path / f"{prefix}{role}.parquet", table, MEANINGS)
        readings[role] = judged.grouped(count)
    return ImageReadings(
        labels,
        originals.classes,
        originals.features,
        readings["target"],
        readings.get("reference"),
    )


def _verdicts(judged: Judged, labels: IntArray) -> dict[str, NDArray[Any]]:
    rows = np.arange(len(labels))
    return {
        "predicted_class": judged.classes,
        "probability": judged.probabilities[rows, judged.classes],
        "label_probability": judged.probabilities[rows, labels],
    }


def _cosines(judged: Judged, originals: Judged, own: IntArray) -> NDArray[np.float32]:
    first, second = judged.features, originals.features[own]
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    products = np.einsum("md,md->m", first, second)
    cosines: NDArray[np.float32] = np.full_like(products, np.nan)
    np.divide(products, lengths, out=cosines, where=lengths > 0)
    return cosines


def evaluate_study(options: EvaluateOptions) -> JsonObject:
    """Judge samples into a study; return the content of ``summary.json``.

    Raises:
        ImprintError: samples, data or networks that cannot be used or do not fit, or a study made
            with other settings.
    """
    images = open_choice(options, options.seed)
    if len(images.classes) < 2:
        raise ImprintError(
            f"{images.name} has {len(images.classes)} class: samples are judged by the class of "
            "their original, so give images of two classes or more"
        )
    originals = _sample_set(options, images, options.samples, options.reference)
    leak = _leak_set(options, images, originals)
    real = None
    if options.real is not None:
        real = View(images, read_indices(options.real, images), options.centre_fraction)
    classifier = network_file(options.classifier, options)
    features = None if options.features is None else NetworkFile(options.features)
    name = options.classifier.stem
    _check_networks(options, classifier)
    names = name, name if options.features is None else options.features.stem
    step = EvaluateSamples(
        originals,
        leak,
        real,
        classifier,
        features,
        images.classes,
        options.seed,
        names,
        options.device,
    )
    study = Study(options.out)
    with study.locked():
        tables = study.run(step)
        study.run(SampleGallery(originals.images, originals.hashes, originals.pixels, tables))
        findings = read_finding(ReconstructFindings, tables / "findings.json")
        return finish(study, options, image_facts(images), {"reconstruct": to_json(findings)})


def _check_networks(options: EvaluateOptions, classifier: NetworkFile) -> None:
    """Check what the cards of samples say of their encoders; samples without a card pass.

    Raises:
        ImprintError: the classifier is one of the encoders, or the leak test is of other ones.
    """
    folders = [options.samples, *([] if options.reference is None else [options.reference])]
    encoders = [encoder_of(folder) for folder in folders]
    weights = classifier.load().fingerprint() if any(encoders) else ""
    for folder, encoder in zip(folders, encoders, strict=True):
        if encoder == weights != "":
            raise ImprintError(
                f"{options.classifier} is the encoder that {folder} was sampled for: give a "
                "classifier that was trained apart from the encoders"
            )
    for name, of_originals in zip(options.leak, encoders, strict=False):
        encoder = encoder_of(Path(name))
        if encoder and of_originals and encoder != of_originals:
            raise ImprintError(
                f"--leak: {name} was sampled for another encoder than the originals: name samples "
                "of the target first, then of the reference"
            )


def encoder_of(folder: Path) -> str | None:
    """Return the hash of the encoder that samples are of; None where no card says it."""
    try:
        card = read_json(card_path(folder / FOLDER))
        encoder = card["settings"]["run"]["card"]["encoder"]
    except (OSError, ImprintError, KeyError, TypeError, ValueError):
        return None
    return encoder if isinstance(encoder, str) else None


def _leak_set(options: EvaluateOptions, images: ImageSet, originals: SampleSet) -> SampleSet | None:
    if not options.leak:
        return None
    target, reference = map(Path, options.leak)
    leak = _sample_set(options, images, target, reference)
    both = np.intersect1d(leak.images.index, originals.images.index)
    if len(both):
        raise ImprintError(
            f"{target} and {options.samples} both hold samples of image {both[0]}: the leak test "
            "is of images that neither encoder was trained on"
        )
    return leak


def _sample_set(
    options: EvaluateOptions, images: ImageSet, target: Path, reference: Path | None
) -> SampleSet:
    """Return the samples in one folder or two.

    Raises:
        ImprintError: they cannot be read, are of other images than one another, or of none of the
            data.
    """
    folders = {"target": target} | ({} if reference is None else {"reference": reference})
    files = {role: _samples_file(folder) for role, folder in folders.items()}
    contents = {role: read_samples(file) for role, file in files.items()}
    pixels, index = contents["target"]
    _check_samples(pixels, index, images, files["target"])
    if reference is not None:
        other, other_index = contents["reference"]
        _check_samples(other, other_index, images, files["reference"])
        if not np.array_equal(index, other_index) or pixels.shape[2:] != other.shape[2:]:
            raise ImprintError(
                f"{reference} holds samples of other images, or of another size, than {target}: "
                "draw both with the same --indices, by diffusion models of one image size"
            )
    return SampleSet(
        images=View(images, index, options.centre_fraction),
        hashes={role: hash_file(file) for role, file in files.items()},
        pixels={role: samples for role, (samples, _) in contents.items()},
    )


def _samples_file(folder: Path) -> Path:
    file = folder / FOLDER / SAMPLES
    if not file.is_file():
        raise ImprintError(
            f"{folder} holds no samples ({FOLDER}/{SAMPLES}): give the --out of imprint "
            "reconstruct sample, and run that again if it was interrupted"
        )
    return file


def _check_samples(samples: Pixels, index: IntArray, images: ImageSet, file: Path) -> None:
    n, _, channels, height, width = samples.shape
    if height != width:
        raise ImprintError(f"{file} holds samples of {width} × {height} pixels: give square ones")
    if channels != images.channels:
        raise ImprintError(
            f"{file} holds samples of {channels} channel(s), {images.name} has images of "
            f"{images.channels}: give the images that were sampled from"
        )
    outside = index[(index < 0) | (index >= len(images))]
    if len(outside):
        raise ImprintError(
            f"{file} names image {outside[0]}, but the indices of {images.name} go from 0 to "
            f"{len(images) - 1}: give the images that were sampled from"
        )
    if len(np.unique(index)) != n:
        raise ImprintError(f"{file} names an image twice: draw all samples of an image at once")
    if n < 2:
        raise ImprintError(f"{file} holds samples of one image: give samples of two or more")
