from __future__ import annotations

import numpy as np

from imprint.lenses.coverage.experiments.noise_gallery import (
    HEAT,
    heat_overlay,
    spread_over_classes,
)
from imprint.perturb.noise import leading_pixels


def test_pixels_that_get_noise_have_the_full_colour() -> None:
    scores = np.array([[[4, 2], [1, -1]], [[0, 0], [0, 0]]], dtype=np.float32)
    mask = leading_pixels(scores, 1)
    white = np.full((2, 1, 2, 2), 255, dtype=np.uint8)
    found = heat_overlay(white, scores, mask)
    full = [round(0.1 * 255 + 0.9 * part) for part in HEAT]
    half = [round(0.55 * 255 + 0.45 * part) for part in HEAT]
    assert found[0, :, 0, 0].tolist() == full
    assert found[0, :, 0, 1].tolist() == half
    assert found[0, :, 1, 1].tolist() == [255] * 3
    assert found[1, :, 0, 0].tolist() == full
    assert (found[1, :, 1] == 255).all()


def test_every_class_has_its_turn() -> None:
    labels = np.array([2, 2, 2, 0, 1, 1])
    assert spread_over_classes(labels, 9).tolist() == [3, 4, 0, 5, 1, 2]
