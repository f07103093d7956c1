from __future__ import annotations

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.lenses.reconstruct.evaluation import (
    ImageReadings,
    SampleReadings,
    evaluate_samples,
    sample_quality,
)
from imprint.lenses.reconstruct.findings import ReconstructFindings
from imprint.lenses.reconstruct.recall.class_share import class_share
from imprint.stats.estimate import Estimate
from imprint.study.finding import from_json, to_json

LABELS = np.arange(60) % 3


def readings(
    share: float, other: float | None, seed: int = 0, accuracy: float = 1.0
) -> ImageReadings:
    """Return images of which shares of the samples are right; features are those of the class."""
    random = np.random.default_rng(seed)

    def samples(right: float) -> SampleReadings:
        wrong = random.random((len(LABELS), 4)) >= right
        classes = np.where(wrong, (LABELS[:, None] + 1) % 3, LABELS[:, None])
        return SampleReadings(classes, np.eye(3)[classes] + 0.1)

    missed = np.arange(len(LABELS)) >= accuracy * len(LABELS)
    return ImageReadings(
        LABELS,
        np.where(missed, (LABELS + 1) % 3, LABELS),
        np.eye(3)[LABELS] + 0.1,
        samples(share),
        None if other is None else samples(other),
    )


def test_samples_that_are_all_right_against_samples_that_are_all_wrong() -> None:
    findings = evaluate_samples(readings(1, 0))
    originals = findings.originals
    assert originals.images == 60
    assert originals.target.class_share.value == 1
    assert originals.reference is not None
    assert originals.reference.class_share.value == 0
    assert originals.class_share is not None
    assert originals.class_share.estimate.value == 1
    assert originals.classifier_accuracy.value == 1
    # 19 of the 59 other images have the class of a right sample, 20 that of a wrong one.
    assert originals.target.class_share_shuffled.value == pytest.approx(19 / 59)
    assert originals.reference.class_share_shuffled.value == pytest.approx(20 / 59)
    assert isinstance(originals.target.similarity, Estimate)
    assert originals.target.similarity.value == pytest.approx(1)
    cosine = (2 * 1.1 * 0.1 + 0.01) / (1.1**2 + 2 * 0.01)
    assert isinstance(originals.reference.similarity, Estimate)
    assert originals.reference.similarity.value == pytest.approx(cosine)


def test_pair_is_that_of_the_method() -> None:
    images = readings(0.7, 0.4)
    findings = evaluate_samples(images, seed=3)
    assert images.reference is not None
    pair = class_share(images.target.classes, images.reference.classes, LABELS, 3)
    assert findings.originals.paired_class_share == pair


def test_findings_survive_json() -> None:
    findings = evaluate_samples(readings(0.9, 0.3), readings(0.3, 0.3, 1), classifier="c")
    assert from_json(ReconstructFindings, to_json(findings), "here") == findings
    assert findings.claim is not None
    assert findings.claim.verdict == "recalled"


def test_without_reference_there_is_no_difference_and_no_claim() -> None:
    findings = evaluate_samples(readings(0.5, None))
    assert findings.originals.class_share is None
    assert findings.originals.similarity is None
    assert findings.claim is None
    assert list(findings.quality) == ["target"]
    assert from_json(ReconstructFindings, to_json(findings), "here") == findings


def test_classifier_has_to_reach_half_way_from_chance_to_one() -> None:
    weak, strong = (
        evaluate_samples(readings(1, 0, 0, 0.6)),
        evaluate_samples(readings(1, 0, 0, 0.9)),
    )
    chance = weak.originals.classifier_chance.value
    assert weak.originals.least_accuracy == (1 + chance) / 2
    assert 0.64 < weak.originals.least_accuracy < 0.69
    assert not weak.originals.classifier_suffices
    assert strong.originals.classifier_suffices


def test_features_that_are_all_zero_have_no_similarity() -> None:
    images = readings(1, 0)
    dead = ImageReadings(
        images.labels, images.classes, np.zeros((60, 3)), images.target, images.reference
    )
    originals = evaluate_samples(dead).originals
    assert isinstance(originals.target.similarity, Missing)
    assert isinstance(originals.similarity, Missing)
    assert originals.target.class_share.value == 1


def test_quality_counts_one_sample_an_image() -> None:
    random = np.random.default_rng(0)
    real, samples = random.normal(size=(40, 3)), random.normal(size=(30, 4, 3))
    changed = samples.copy()
    changed[:, 1:] += 100
    quality = sample_quality(real, samples)
    assert quality == sample_quality(real, changed)
    assert isinstance(quality.kernel, Estimate)
    assert quality.kernel.n == 30


def test_quality_of_too_few_images_is_missing() -> None:
    quality = sample_quality(np.eye(3), np.ones((2, 1, 3)))
    assert quality.frechet == Missing("3 real images are too few: give at least 4")
    assert isinstance(quality.kernel, Missing)
    assert isinstance(quality.manifold, Missing)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": LABELS[:1], "classes": LABELS[:1]}, "at least 2"),
        ({"labels": LABELS[:50]}, "50 labels and 60 predicted classes"),
        ({"labels": LABELS - 1}, "from 0 on"),
        ({"features": np.ones((59, 3))}, r"must be \[60, features\]"),
        ({"features": np.ones((60, 4))}, "must agree"),
        ({"target": SampleReadings(LABELS, np.ones((60, 3)))}, "must agree"),
        (
            {"target": SampleReadings(np.zeros((60, 0), int), np.ones((60, 0, 3)))},
            "one row an image",
        ),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes: dict[str, object], message: str) -> None:
    images = readings(1, 0)
    values = {
        name: getattr(images, name)
        for name in ("labels", "classes", "features", "target", "reference")
    }
    with pytest.raises(ImprintError, match=message):
        evaluate_samples(ImageReadings(**(values | changes)))


def test_leak_test_without_reference_is_refused() -> None:
    with pytest.raises(ImprintError, match="leak test compares"):
        evaluate_samples(readings(1, None), readings(1, 0))
