import numpy as np
import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.cells import Cells
from imprint.lenses.coverage.clusters.clustering import Clustering
from imprint.lenses.coverage.clusters.scopes import (
    boundary_aware,
    by_class,
    by_scope,
    depth_groups,
    each_layer,
    mean_coverage,
)
from imprint.neurons.activations import ActivationTable, Layers

LAYERS = Layers(("a", "b"), (2, 2))


def test_each_class_by_hand() -> None:
    cells = Cells.between([[0.0], [0.0]])
    values = np.array([[-1, -1], [-1, 1], [1, 1], [1, 1]], dtype=np.float32)
    layers = Layers(("a",), (2,))
    test = ActivationTable(layers, values, np.array([0, 0, 1, 1]))
    train = ActivationTable(layers, values[:3], np.array([0, 1, 1]))
    found = by_class(cells, test, np.array([0, 1]), train)
    assert {name: (one.reached, one.inputs, one.value) for name, one in found.items()} == {
        0: (2, 2, 0.5),
        1: (1, 2, 0.25),
    }
    assert [(one.training_cells, one.training_cells_reached) for one in found.values()] == [
        (1, 1),
        (2, 1),
    ]
    assert mean_coverage(found) == 0.375
    with pytest.raises(ImprintError, match="needs labels"):
        by_class(cells, ActivationTable(layers, values), np.array([0, 1]))


def test_a_class_without_training_inputs_is_refused() -> None:
    layers, values = Layers(("a",), (1,)), np.array([[0.0], [1.0], [0.1], [0.9]])
    train = ActivationTable(layers, values, np.array([0, 0, 1, 1]))
    test = ActivationTable(layers, values, np.array([0, 1, 2, 2]))
    cells = Cells.between([[0.5]])
    with pytest.raises(ImprintError, match="class 2 has test inputs but no training inputs"):
        by_class(cells, test, np.array([0]), train)


def test_each_layer_has_its_own_neurons_and_cells() -> None:
    random = np.random.default_rng(0)
    train = ActivationTable(LAYERS, random.normal(size=(50, 4)).astype(np.float32))
    scores = np.array([0.1, 0.9, 0.2, np.nan])
    found = by_scope(train, train, scores, each_layer(LAYERS.names), m=1, k=2)
    assert [(one.reached, one.total) for one in found.values()] == [(2, 2), (2, 2)]
    # The chosen neurons are 1 and 2: whatever the others do does not matter.
    values = train.values.copy()
    values[:, [0, 3]] = 0
    values[:, 1] = values[0, 1]
    test = ActivationTable(LAYERS, values)
    changed = by_scope(train, test, scores, each_layer(LAYERS.names), m=1, k=2)
    assert [one.value for one in changed.values()] == [0.5, 1.0]
    together = by_scope(train, train, scores, {"both": ["a", "b"]}, m=9, k=2)
    assert together["both"].total == 16


def test_groups_hold_every_layer_once() -> None:
    names = tuple("abcdefgh")
    groups = depth_groups(names)
    assert list(groups.values()) == [["a", "b", "c"], ["d", "e", "f"], ["g", "h"]]
    assert depth_groups(["only"]) == {"only": ["only"]}


def test_inputs_near_a_threshold_count_more() -> None:
    none = np.empty(0)
    found = [
        Clustering(np.array([0.0, 1.0]), np.zeros(3), np.zeros(3, np.int64), None, 0.0),
        Clustering(none, np.zeros(1), np.zeros(1, np.int64), None, 0.0),
    ]
    values = np.array([[-0.09, 5.0], [0.49, 5.0], [1.0, 5.0]])
    expected = 2 * (1 / 0.1 + 1 / 0.5 + 1 / 0.01) / 3
    assert boundary_aware([2.0, 3.0], values, found) == pytest.approx([expected, 0])


def test_torch_and_numpy_assign_alike() -> None:
    values = np.random.default_rng(0).normal(size=100)
    found = Clustering(np.array([-0.5, 0.2]), np.zeros(3), np.zeros(3, dtype=np.int64), None, 0.0)
    digits = Cells.of([found]).digits(torch.from_numpy(values)[:, None])
    assert digits[:, 0].tolist() == found.assign(values).tolist()
