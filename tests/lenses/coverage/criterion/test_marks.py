import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criterion import marks
from imprint.lenses.coverage.criterion.marks import Distinct, Marks
from imprint.neurons.activations import Batch, Layers
from tests.lenses.coverage.made_activations import batch

LAYERS = Layers(("only",), (1,))


class Rounded(Marks):
    """Which of 4 whole numbers inputs are."""

    Options = dict  # type: ignore[assignment]

    def size(self) -> int:
        return 4

    def marks(self, batch: Batch) -> torch.Tensor:
        return batch.values.long()

    def ceiling(self, inputs: int) -> float:
        return min(inputs, 4) / 4


class Parity(Distinct):
    """Even or odd; numbers below zero count nothing."""

    Options = dict  # type: ignore[assignment]

    def keys(self, batch: Batch) -> list[int | None]:
        return [int(value) % 2 if value >= 0 else None for value in batch.values[:, 0].tolist()]

    def ceiling(self, inputs: int) -> float:
        return min(inputs, 2)

    def tensors(self) -> dict[str, torch.Tensor]:
        return {}

    def restore(self, state: object) -> None:
        pass


def test_marks_are_counted_once_and_gains_are_of_new_ones() -> None:
    criterion = Rounded(LAYERS)
    criterion.update(batch([[1.0], [1.0], [3.0]], LAYERS))
    assert (criterion.value(), criterion.unit, criterion.mark_count()) == (0.5, 0.25, 4)
    assert criterion.gain(batch([[1.0], [2.0]], LAYERS)).tolist() == [0.0, 0.25]


def test_what_either_marked_is_marked_after_joining() -> None:
    first, second = Rounded(LAYERS), Rounded(LAYERS)
    first.update(batch([[0.0]], LAYERS))
    second.update(batch([[3.0]], LAYERS))
    first.merge(second)
    assert first.marked.tolist() == [True, False, False, True]
    assert second.marked.tolist() == [False, False, False, True]


def test_keys_that_are_none_count_nothing() -> None:
    criterion = Parity(LAYERS)
    criterion.update(batch([[-1.0], [2.0], [4.0]], LAYERS))
    assert criterion.value() == 1
    assert criterion.gain(batch([[-3.0], [5.0], [6.0]], LAYERS)).tolist() == [0, 1, 0]


def test_more_marks_than_memory_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "MAX_MARKS", 3)
    with pytest.raises(ImprintError, match="4 marks of 1 neurons do not fit into memory"):
        Rounded(LAYERS)
