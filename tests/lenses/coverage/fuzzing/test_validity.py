from __future__ import annotations

import pytest
import torch

from imprint.lenses.coverage.fuzzing.validity import ChangeBounds, exact_sum, filled


def image(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


def allowed(bounds: ChangeBounds, changed: torch.Tensor) -> bool:
    return bool(bounds.judge(changed, REFERENCE, filled(REFERENCE))[0])


REFERENCE = image(10, 20, 30, 40, 50, 0, 0, 0)


def test_few_values_may_change_at_will() -> None:
    bounds = ChangeBounds(max_share=0.4, max_change=0.1)
    # Of 5 values that are not 0, fewer than 2 may.
    assert allowed(bounds, image(255, 20, 30, 40, 50, 0, 0, 0))
    assert not allowed(bounds, image(255, 220, 30, 40, 50, 0, 0, 0))


def test_all_values_may_change_a_little() -> None:
    bounds = ChangeBounds(max_share=0.0, max_change=0.1)
    assert allowed(bounds, REFERENCE + 25)
    assert not allowed(bounds, REFERENCE + 26)


def test_room_is_what_is_left_of_the_largest_change() -> None:
    bounds = ChangeBounds(max_share=0.0, max_change=0.2)
    assert filled(REFERENCE).tolist() == [5]
    # Σ|Δ| = 8 · 15 = 120 of 0.2 · 255 · 5 = 255.
    for added, room in ((15, 1 - 120 / 255), (200, 0.0)):
        left = bounds.judge(REFERENCE + added, REFERENCE, filled(REFERENCE))[1]
        assert float(left) == pytest.approx(room)


def test_sums_of_large_images_are_exact() -> None:
    values = torch.full((1, 3 * 224 * 224), 255.0)
    values[0, -1] = 1
    assert abs(float(exact_sum(values)) - (255 * (3 * 224 * 224 - 1) + 1)) <= 2
