import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.neurons.activations import ActivationTable, Batch, Layers


def test_neurons_stand_layer_by_layer() -> None:
    layers = Layers(("a", "b"), (2, 3))
    assert layers.neurons == 5
    assert layers.slices == {"a": slice(0, 2), "b": slice(2, 5)}


def test_columns_of_a_table_are_those_neurons_in_their_order() -> None:
    values = np.arange(10, dtype=np.float32).reshape(2, 5)
    table = ActivationTable(Layers(("a", "b"), (2, 3)), values)
    assert len(table) == 2
    assert np.asarray(table.columns(np.array([4, 0]))).tolist() == [[4, 0], [9, 5]]


@pytest.mark.parametrize("bad", [float("inf"), -float("inf"), float("nan")])
def test_a_batch_with_values_that_are_no_numbers_is_refused(bad: float) -> None:
    values = torch.zeros(4, 3)
    values[1, 2] = bad
    with pytest.raises(ImprintError, match="1 of 4 inputs"):
        Batch(Layers(("a",), (3,)), values).require_finite()


def test_finite_values_whose_sum_overflows_are_accepted() -> None:
    Batch(Layers(("a",), (3,)), torch.full((4, 3), 3e38)).require_finite()
