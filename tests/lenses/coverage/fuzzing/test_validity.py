from __future__ import annotations

import torch

from imprint.lenses.coverage.fuzzing.validity import ChangeBounds, filled


def image(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


REFERENCE = image(10, 20, 30, 40, 50, 0, 0, 0)


def test_few_values_may_change_at_will() -> None:
    bounds = ChangeBounds(max_share=0.4, max_change=0.1)
    # Of 5 values that are not 0, fewer than 2 may.
    assert bounds.allow(image(255, 20, 30, 40, 50, 0, 0, 0), REFERENCE).tolist() == [True]
    assert bounds.allow(image(255, 220, 30, 40, 50, 0, 0, 0), REFERENCE).tolist() == [False]


def test_all_values_may_change_a_little() -> None:
    bounds = ChangeBounds(max_share=0.0, max_change=0.1)
    assert bounds.allow(REFERENCE + 25, REFERENCE).tolist() == [True]
    assert bounds.allow(REFERENCE + 26, REFERENCE).tolist() == [False]


def test_room_is_what_is_left_of_the_largest_change() -> None:
    bounds = ChangeBounds(max_share=0.0, max_change=0.2)
    assert filled(REFERENCE).tolist() == [5]
    # Σ|Δ| = 8 · 15 = 120 of 0.2 · 255 · 5 = 255.
    assert bounds.room(REFERENCE + 15, REFERENCE).tolist() == [1 - 120 / 255]
    assert bounds.room(REFERENCE + 200, REFERENCE).tolist() == [0.0]
