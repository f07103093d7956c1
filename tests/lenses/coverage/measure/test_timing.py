from __future__ import annotations

import torch

from imprint.lenses.coverage.measure.timing import seconds_in_turn

CPU = torch.device("cpu")


def test_calls_are_taken_in_turns_after_a_round_that_does_not_count() -> None:
    order: list[str] = []
    calls = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    found = seconds_in_turn("letters", calls, 3, CPU)
    assert order == ["a", "b"] * 4
    assert {name: values.shape for name, values in found.items()} == {"a": (3,), "b": (3,)}
    assert all((values >= 0).all() for values in found.values())
