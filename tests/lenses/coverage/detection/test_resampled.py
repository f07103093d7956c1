"""Intervals of the quality of detections and of its drops over resampled images."""

from __future__ import annotations

import numpy as np

from imprint.lenses.coverage.detection.found import METRICS, Quality
from imprint.lenses.coverage.detection.matches import CategoryMatches
from imprint.lenses.coverage.detection.resampled import ImageQuality, quality_estimates

IMAGES = 40


def one_object_each(found: np.ndarray) -> ImageQuality:
    """Return the quality of images of an object each, bool ``[n]`` of which are detected."""
    hits = found.astype(float)
    image = np.flatnonzero(found)
    matched = np.ones((10, len(image)), dtype=bool)
    matches = CategoryMatches(image, matched, ~matched, np.ones(len(found)))
    return ImageQuality(np.ones(len(found)), hits, hits, hits, (matches,))


def value_of(found: np.ndarray) -> Quality:
    share = float(found.mean())
    return Quality(share, share, share, float((np.linspace(0, 1, 101) <= share).mean()))


def estimates(*found: np.ndarray):
    single, values = [one_object_each(each) for each in found], [value_of(each) for each in found]
    return quality_estimates(single[0], single[1:], values, np.random.default_rng(0))


def test_intervals_are_those_of_shares_and_of_paired_differences() -> None:
    rows = np.arange(IMAGES)
    whole, without = rows < 30, (rows < 15) | (rows >= 38)
    quality, (drop,) = estimates(whole, without)
    reach = 2.02 * np.sqrt(0.75 * 0.25 / (IMAGES - 1))
    assert np.allclose(quality["recall"].ci95, (0.75 - reach, 0.75 + reach), atol=0.03)
    assert np.allclose(quality["recall"].ci95, quality["mean_average_precision"].ci95, atol=0.02)
    assert quality["mean_average_precision"].value == value_of(whole).mean_average_precision
    differences = whole.astype(float) - without
    reach = 2.02 * differences.std(ddof=1) / np.sqrt(IMAGES)
    assert drop["recall"].value == differences.mean()
    expected = (differences.mean() - reach, differences.mean() + reach)
    assert np.allclose(drop["recall"].ci95, expected, atol=0.03)


def test_intervals_have_a_width_where_every_image_is_alike() -> None:
    whole, without = np.ones(IMAGES, dtype=bool), np.zeros(IMAGES, dtype=bool)
    quality, drops = estimates(whole, whole, without)
    for name in METRICS:
        assert quality[name].high == 1 > quality[name].low > 0.9
        assert drops[0][name].low < 0 < drops[0][name].high
        assert 0.8 < drops[1][name].low < 1 <= drops[1][name].high


def test_images_without_objects_count_for_confidence_alone() -> None:
    whole = one_object_each(np.arange(IMAGES) < 30)
    empty = ImageQuality(np.zeros(IMAGES), np.zeros(IMAGES), np.zeros(IMAGES), whole.confidence, ())
    drawn = empty.drawn(np.ones((1, IMAGES)))
    assert drawn["confidence"] == 0.75
    assert all(np.isnan(drawn[name]) for name in METRICS if name != "confidence")
