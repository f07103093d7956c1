from __future__ import annotations

import numpy as np
from torch import Tensor

from imprint.core.arrays import BoolArray, IntArray
from imprint.lenses.coverage.fuzzing.corpus import NO_MUTATION, Lineage
from imprint.lenses.coverage.fuzzing.shrink import minimise
from tests.lenses.coverage.fuzzing.made_search import NAMES, SEEDS, breeder

BRIGHTNESS, NOISE = NAMES.index("brightness"), NAMES.index("noise")


def lineage(kinds: list[list[int]], first_amounts: list[list[float]]) -> Lineage:
    amounts = np.stack([np.array(first_amounts), np.zeros((len(kinds), len(kinds[0])))], 2)
    keys = np.arange(amounts[..., 0].size).reshape(len(kinds), -1)
    return Lineage(np.arange(len(kinds)), np.array(kinds), amounts, keys)


def test_mutations_that_do_nothing_for_the_fault_are_left_out_and_the_rest_is_bisected() -> None:
    # Brighter by 30 is a fault, whatever else; the second row needs nothing but itself.
    before = lineage([[NOISE, BRIGHTNESS, NOISE], [BRIGHTNESS, -1, -1]], [[3, 64, 5], [40, 0, 0]])
    means = SEEDS[:2].mean((1, 2, 3))
    passes = []

    def is_fault(images: Tensor, rows: IntArray) -> BoolArray:
        passes.append(len(rows))
        return np.asarray(images.mean((1, 2, 3)).numpy() >= means[rows] + 30)

    minimised = minimise(breeder(), SEEDS[:2], before, is_fault)
    assert minimised.lineage.kinds.tolist() == [[-1, BRIGHTNESS, -1], [BRIGHTNESS, -1, -1]]
    # 32 and 31.25 are the smallest in steps of 1/32 that still round to 30 or more.
    assert minimised.lineage.amounts[0, 1, 0] == 30.0
    assert minimised.lineage.amounts[1, 0, 0] == 30.0
    assert sum(passes) == minimised.passes == 4 + 2 * 5
    np.testing.assert_array_equal(minimised.pixels, SEEDS[:2] + 30)
    assert before.kinds[0, 0] == NOISE


def test_a_fault_that_needs_all_keeps_all() -> None:
    before = lineage([[BRIGHTNESS, NOISE]], [[20, 9]])

    def is_fault(images: Tensor, rows: IntArray) -> BoolArray:
        seeds = SEEDS[:1].astype(np.float32)
        moved = images.numpy() - seeds
        return np.array([(moved.mean() > 15) and len(np.unique(moved)) > 3])

    minimised = minimise(breeder(), SEEDS[:1], before, is_fault)
    assert (minimised.lineage.kinds != NO_MUTATION).all()
    assert (minimised.lineage.amounts[0, :, 0] <= [20, 9]).all()
