"""Path coverage by hand and by brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.clustering import cluster
from imprint.lenses.coverage.criteria.paths import PathCoverage, PathOptions, leading_by_layer
from imprint.neurons.activations import Layers
from tests.lenses.coverage.made_activations import LAYERS, batch, table, training, unseen

TWO = Layers(("a", "b"), (1, 1))
CORNERS = np.float32([[0, 0], [0, 1], [1, 0], [1, 1], [0, 0]])


def test_cells_are_pairs_of_clusters_along_an_edge() -> None:
    criterion = PathCoverage(TWO, PathOptions(neurons=(0, 1)))
    criterion.fit(table(CORNERS, TWO))
    criterion.update(batch([[0.1, 0.2], [0.0, 0.1]], TWO))
    assert criterion.value() == 1 / 4
    criterion.update(batch([[0.9, 0.2], [7.0, -1.0]], TWO))
    assert criterion.value() == 2 / 4
    assert criterion.gain(batch([[0.9, 0.9], [0.0, 0.0]], TWO)).tolist() == [0.25, 0.0]
    assert [criterion.ceiling(count) for count in (1, 3, 9)] == [0.25, 0.75, 1.0]


def test_every_edge_of_neighbouring_layers_counts_by_itself() -> None:
    train, tests = training(), unseen()
    criterion = PathCoverage(LAYERS, PathOptions(m=2, k=3))
    criterion.fit(train)
    criterion.update(tests)
    neurons = PathOptions(m=2, k=3).choose(train)
    assert len(neurons) == 4  # two of each hidden layer
    clusters = cluster(train.columns(neurons), 3)
    digits = np.stack(
        [
            each.assign(tests.values[:, neuron].double().numpy())
            for each, neuron in zip(clusters, neurons.tolist(), strict=True)
        ]
    )
    reached = sum(
        len(set(zip(digits[first], digits[second], strict=True)))
        for first, second in product((0, 1), (2, 3))
    )
    cells = sum(clusters[a].clusters * clusters[b].clusters for a, b in product((0, 1), (2, 3)))
    assert criterion.value() == reached / cells


def test_neurons_lead_in_their_own_layer() -> None:
    scores = np.array([1.0, 3.0, 2.0, np.nan, 5.0, *[0.0] * 9, 9.0, 8.0, 7.0])
    assert leading_by_layer(LAYERS, scores, 2, "third").tolist() == [1, 4, 5, 6]
    alone = Layers(("one", "two"), (2, 2))
    assert leading_by_layer(alone, np.arange(4.0), 1, "two").tolist() == [1, 3]


@pytest.mark.parametrize(
    ("neurons", "message"), [((0, 1), "two layers"), ((0, 0), "twice"), ((0, 99), "from 0 to 16")]
)
def test_impossible_neurons_are_refused(neurons: tuple[int, ...], message: str) -> None:
    with pytest.raises(ImprintError, match=message):
        PathCoverage(LAYERS, PathOptions(neurons=neurons)).fit(training())


def test_neurons_that_never_vary_are_refused() -> None:
    with pytest.raises(ImprintError, match="none of the 2 neurons varies"):
        PathCoverage(TWO, PathOptions(neurons=(0, 1))).fit(table(np.ones((3, 2), np.float32), TWO))
    with pytest.raises(ImprintError, match="only one"):
        PathCoverage(Layers(("a",), (3,)))
