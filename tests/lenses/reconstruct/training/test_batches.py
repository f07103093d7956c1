"""Batches: their order, and the pixels read ahead."""

import dataclasses

import numpy as np
import pytest
import torch

from imprint.lenses.reconstruct.options import ReconstructionTraining
from imprint.lenses.reconstruct.training.batches import Batches, TrainingSet

CPU = torch.device("cpu")
OPTIONS = ReconstructionTraining(steps=6, batch_size=4)


@pytest.fixture(scope="module")
def images():
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (10, 3, 16, 16), dtype=np.uint8)
    return TrainingSet(lambda rows: pixels[rows], random.normal(size=(10, 5)).astype(np.float32))


def test_every_epoch_shows_every_image_once(images):
    batches = Batches(images, dataclasses.replace(OPTIONS, batch_size=5), 0, CPU)
    epochs = [np.concatenate([batches.rows(2 * e), batches.rows(2 * e + 1)]) for e in range(3)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert any((epochs[0] != epoch).any() for epoch in epochs[1:])


def test_a_batch_larger_than_the_set_goes_on_with_the_next_epoch(images):
    batches = Batches(images, dataclasses.replace(OPTIONS, batch_size=25), 0, CPU)
    counts = np.bincount(batches.rows(0), minlength=10)
    assert set(counts) == {2, 3}


def test_pixels_are_read_in_order_once_and_one_batch_ahead(images):
    reads = []

    def pixels(rows):
        reads.append(rows.tolist())
        return images.pixels(rows)

    watched = TrainingSet(pixels, images.representations)
    batches = Batches(watched, OPTIONS, 0, CPU)
    expected = [batches.rows(step).tolist() for step in range(1, OPTIONS.steps)]
    for step, parts in enumerate(batches.parts_from(1), start=1):
        rows = batches.rows(step)
        shown = torch.from_numpy(images.pixels(rows)).float() / 127.5 - 1
        torch.testing.assert_close(torch.cat([part[0] for part in parts]), shown, rtol=0, atol=0)
        assert len(reads) in (step, min(step + 1, OPTIONS.steps - 1))
    assert reads == expected
