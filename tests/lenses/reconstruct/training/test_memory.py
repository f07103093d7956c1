"""What cannot fit is refused, and nothing is allocated for it."""

import dataclasses

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.options import (
    DiffusionOptions,
    ReconstructionTraining,
    UNetOptions,
)
from imprint.lenses.reconstruct.training import memory
from imprint.lenses.reconstruct.training.memory import batch_bytes, check_memory, count_weights
from imprint.lenses.reconstruct.training.run_file import RunCard

CPU = torch.device("cpu")
UNET = UNetOptions(image_size=16, patch=2, width=8, multipliers=(1.0, 1.0), attention=())
OPTIONS = ReconstructionTraining(unet=UNET, batch_size=4)


def card(unet=UNET):
    return RunCard(3, "backbone", 5, "", unet, DiffusionOptions())


def check(monkeypatch, free, **changes):
    monkeypatch.setattr(memory, "free_memory", lambda _: free)
    options = dataclasses.replace(OPTIONS, **changes)
    check_memory(card(options.unet), options, CPU)


def test_weights_are_counted_as_they_are_built():
    assert count_weights(card()) == sum(each.numel() for each in card().build().parameters())


def test_a_batch_takes_its_images_and_inputs_of_the_first_blocks():
    images = 4 * 3 * 16 * 16 * 4
    level = 4 * 8 * 8 * 8 * 4
    assert batch_bytes(card(), OPTIONS) == 3 * images + 2 * level
    parts = dataclasses.replace(OPTIONS, accumulate=4)
    assert batch_bytes(card(), parts) == 3 * images + 2 * level // 4


def test_the_widest_network_is_refused_by_its_parameters(monkeypatch):
    widest = UNetOptions(width=1024, multipliers=(16.0, 16.0))
    with pytest.raises(ImprintError, match="more than the 2,147,483,648 that are trained"):
        check(monkeypatch, None, unet=widest)


def test_a_network_larger_than_the_free_memory_is_refused(monkeypatch):
    needed = memory.BYTES_A_WEIGHT * count_weights(card())
    with pytest.raises(ImprintError, match=r"--train.unet.width 8 with .*multipliers 1,1 makes"):
        check(monkeypatch, needed - 1)


def test_a_batch_larger_than_the_free_memory_is_refused(monkeypatch):
    with pytest.raises(ImprintError, match="a batch of 1,000,000,000 images of 16 pixels"):
        check(monkeypatch, 1 << 36, batch_size=10**9)
    check(monkeypatch, None, batch_size=10**9)
    check(monkeypatch, 1 << 36)
