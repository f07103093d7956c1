import numpy as np

from imprint.neurons.activations import ActivationTable, Layers


def test_neurons_stand_layer_by_layer() -> None:
    layers = Layers(("a", "b"), (2, 3))
    assert layers.neurons == 5
    assert layers.slices == {"a": slice(0, 2), "b": slice(2, 5)}


def test_columns_of_a_table_are_those_neurons_in_their_order() -> None:
    values = np.arange(10, dtype=np.float32).reshape(2, 5)
    table = ActivationTable(Layers(("a", "b"), (2, 3)), values)
    assert len(table) == 2
    assert np.asarray(table.columns(np.array([4, 0]))).tolist() == [[4, 0], [9, 5]]
