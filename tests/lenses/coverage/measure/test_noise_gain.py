from __future__ import annotations

import numpy as np
import pytest

from imprint.lenses.coverage.measure.noise_gain import adjusted, compare_gains


def test_gains_are_paired_by_draw() -> None:
    pairs = np.array([[5.0, 4.0], [9.0, 8.0], [3.0, 2.0], [7.0, 6.0]])
    gain = compare_gains(0.5, 0.1, pairs, 0.0, 0)
    assert gain.important.value == pytest.approx(6)
    assert gain.random.value == pytest.approx(5)
    assert gain.difference.value == pytest.approx(1)
    assert gain.difference.low == pytest.approx(1)
    assert gain.p == pytest.approx(2 / 16)


def test_p_values_are_adjusted_for_all_criteria() -> None:
    pairs = np.array([[5.0, 4.0], [9.0, 8.0], [3.0, 2.0], [7.0, 6.0]])
    gains = adjusted({name: compare_gains(0.5, None, pairs, 0.0, 0) for name in "abc"})
    assert gains["a"].adjusted == pytest.approx(3 * 2 / 16)
    assert adjusted({}) == {}
