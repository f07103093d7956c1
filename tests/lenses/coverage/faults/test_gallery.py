from __future__ import annotations

import numpy as np

from imprint.lenses.coverage.faults.gallery import (
    describe_mutations,
    montage,
    spread_over_pairs,
)


def test_a_montage_shows_images_in_rows_of_ten() -> None:
    images = np.zeros((12, 3, 32, 32), dtype=np.uint8)
    images[11, 0] = 200
    sheet = montage(images)
    assert sheet.size == (10 * 66 - 2, 2 * 66 - 2)
    assert sheet.getpixel((66 + 10, 66 + 10)) == (200, 0, 0)
    assert sheet.getpixel((64, 10)) == (255, 255, 255)
    assert montage(images[:1, :1]).size == (64, 64)


def test_every_pair_of_classes_is_shown_before_a_second_fault_of_one() -> None:
    pairs = np.array([[0, 1], [0, 1], [0, 1], [1, 0], [2, 0]])
    assert spread_over_pairs(pairs, 4) == [0, 3, 4, 1]
    assert spread_over_pairs(pairs[:0], 4) == []


def test_mutations_are_described_with_the_amounts_that_are_left() -> None:
    table = {
        "index": np.array([0, 0, 0, 1]),
        "mutation": np.array(["shift", "flip", "noise", "rotate"]),
        "first_amount": np.array([0.1, 1.0, 20.0, -29.0]),
        "second_amount": np.array([-0.1, 0.0, 0.0, 0.0]),
        "first_left": np.array([0.05, 1.0, 0.0, np.nan]),
        "second_left": np.array([-0.05, 0.0, 0.0, np.nan]),
    }
    assert describe_mutations(table, 0) == "shift +0.05 and −0.05 of the side, flip"
    assert describe_mutations(table, 1) == "rotate −29°"
