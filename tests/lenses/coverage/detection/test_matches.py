"""Average precision of resampled images against pycocotools on images that are there twice."""

from __future__ import annotations

import numpy as np
import pytest

from imprint.lenses.coverage.detection.found import Found, measure_quality, pad_objects
from imprint.lenses.coverage.detection.matches import mean_average_precision
from imprint.lenses.coverage.detection.resampled import image_quality

pytest.importorskip("pycocotools")

from imprint.lenses.coverage.detection.average_precision import PrecisionJudge

IMAGES, QUERIES, CATEGORIES = 6, 12, 3


def drawn_world(seed: int, crowds: float) -> tuple[Found, tuple[np.ndarray, ...]]:
    """Return boxes around some of the objects of some images, and these objects."""
    random = np.random.default_rng(seed)
    owner = np.sort(random.integers(0, IMAGES, 14))
    corner = random.uniform(0, 0.6, (14, 2))
    boxes = np.concatenate([corner, corner + random.uniform(0.1, 0.4, (14, 2))], axis=1)
    category = random.integers(0, CATEGORIES - 1, 14)  # the last has no object
    crowd = random.random(14) < crowds
    crowd[0] = False
    places = random.integers(0, 14, (IMAGES, QUERIES))
    seen = boxes[places] + random.normal(0, 0.02, (IMAGES, QUERIES, 4))
    scores = random.random((IMAGES, QUERIES))
    scores[random.random(scores.shape) < 0.1] = 0.0
    classes = np.where(
        random.random(scores.shape) < 0.8, category[places], random.integers(-1, CATEGORIES)
    )
    return Found(seen, scores, classes), (owner, boxes, category, crowd)


def repeated(found: Found, objects: tuple[np.ndarray, ...], images: np.ndarray):
    """Return the same of a set in which images are there several times."""
    rows = [np.flatnonzero(objects[0] == image) for image in images]
    owner = np.repeat(np.arange(len(images)), [len(each) for each in rows])
    chosen = np.concatenate(rows)
    arrays = (owner, *(each[chosen] for each in objects[1:]))
    return Found(found.boxes[images], found.scores[images], found.category[images]), arrays


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("crowds", [0.0, 0.3])
def test_a_resample_is_a_set_with_images_repeated(seed: int, crowds: float) -> None:
    found, objects = drawn_world(seed, crowds)
    judge = PrecisionJudge(*objects, IMAGES)
    matches = judge.matches(found)
    random = np.random.default_rng(seed)
    picks = [np.arange(IMAGES), *(np.sort(random.integers(0, IMAGES, IMAGES)) for _ in range(5))]
    weights = np.stack([np.bincount(each, minlength=IMAGES) for each in picks]).astype(float)
    values = mean_average_precision(matches, weights)
    assert values[0] == pytest.approx(judge.precision(found), abs=1e-12)
    quality = image_quality(found, pad_objects(*objects, IMAGES), 0.3, matches).drawn(weights)
    for row, images in enumerate(picks):
        again, arrays = repeated(found, objects, images)
        if arrays[3].all():
            assert np.isnan(values[row])
            continue
        precision = PrecisionJudge(*arrays, IMAGES).precision(again)
        assert values[row] == pytest.approx(precision, abs=1e-12)
        expected = measure_quality(again, pad_objects(*arrays, IMAGES), 0.3, precision)
        for name, each in quality.items():
            assert each[row] == pytest.approx(getattr(expected, name), abs=1e-12)


def test_without_detections_and_without_objects() -> None:
    found, objects = drawn_world(0, 0.0)
    judge = PrecisionJudge(*objects, IMAGES)
    blind = Found(found.boxes, np.zeros_like(found.scores), found.category)
    weights = np.array([[1.0] * IMAGES, [0.0] * IMAGES])
    values = mean_average_precision(judge.matches(blind), weights)
    assert values[0] == 0
    assert np.isnan(values[1])
