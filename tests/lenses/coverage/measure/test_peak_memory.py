from __future__ import annotations

import sys

import numpy as np
import torch

from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.measure.growth import seen
from imprint.lenses.coverage.measure.peak_memory import LiveTensors, peak_bytes, state_bytes
from tests.lenses.coverage.made_activations import LAYERS, training

CPU = torch.device("cpu")


def test_tensors_count_while_they_live() -> None:
    given = torch.zeros(1000)
    with LiveTensors() as live:
        first = torch.ones(250)
        second = first + 1
        del first
        third = second.view(-1)[:10]
        del second
        fourth = given[:500] * 1
        del third, fourth
    assert live.peak == 4 * 500 + 4 * 250
    assert live.now == 0


def test_arrays_count_as_well_and_what_was_there_does_not() -> None:
    there = np.zeros(1_000_000)

    def call() -> None:
        more = there[:500_000] + 1.0
        del more
        torch.zeros(100_000)

    found = peak_bytes(call, CPU)
    assert 4_400_000 <= found < 4_500_000


def test_the_state_of_marks_is_a_byte_each() -> None:
    criterion = CRITERIA.get("nc")(LAYERS)
    assert state_bytes(seen(criterion, training())) == LAYERS.neurons + 8


def test_what_torch_imports_to_count_tensors_is_there_before_anything_is_counted() -> None:
    """Its compiler, 60 MiB, which the first operation under a mode imports."""
    seen_before: list[bool] = []
    peak_bytes(lambda: seen_before.append("torch._dynamo" in sys.modules), CPU)
    assert seen_before == [True]
