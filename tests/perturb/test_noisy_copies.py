from __future__ import annotations

import numpy as np
import pytest

from imprint.data.imageset import ArrayImages
from imprint.data.view import View
from imprint.nets.image_model import ImageModel
from imprint.perturb import noisy_copies as module
from imprint.perturb.noisy_copies import by_attribution, noisy_copies


@pytest.fixture
def view() -> View:
    pixels = np.random.default_rng(0).integers(60, 180, (10, 1, 4, 4)).astype(np.uint8)
    images = ArrayImages(pixels, np.zeros(10, dtype=np.int64), ("a", "b", "c"))
    return View(images, np.arange(10))


def test_both_kinds_change_as_many_pixels_by_the_same_values(
    linear: ImageModel, view: View
) -> None:
    copies = noisy_copies(linear, view, by_attribution("lrp", 0), 0.2, 0.05, 0)
    clean = copies.pixels.astype(np.float32) / 255
    important, other = (
        np.concatenate(list(copies.batches(1, part))) - clean for part in ("important", "random")
    )
    assert copies.budget == 3
    assert ((important != 0).any(1) == copies.mask).all()
    assert not ((other != 0).any(1) & copies.mask).any()
    for row in range(10):
        first, second = important[row][:, copies.mask[row]], other[row][other[row] != 0]
        assert np.sort(first.ravel()) == pytest.approx(np.sort(second), abs=1e-6)


def test_draws_differ_and_repeat(
    linear: ImageModel, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 4)
    copies = noisy_copies(linear, view, by_attribution("lrp", 0), 0.2, 0.05, 0)
    first, again, other = (np.concatenate(list(copies.batches(n, "random"))) for n in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
