import numpy as np
import pytest

from imprint.lenses.coverage.clusters.separation import between_class_share, separation, strongest
from imprint.lenses.coverage.criteria.idc import ImportanceDrivenCoverage, ImportanceDrivenOptions
from imprint.neurons.activations import ActivationTable, Layers

LAYERS = Layers(("a", "b", "out"), (5, 4, 3))


def table(inputs: int, seed: int = 0, labelled: bool = True) -> ActivationTable:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, inputs)
    values = random.normal(size=(inputs, 12)).astype(np.float32)
    values[:, [2, 6]] += 3 * labels[:, None]
    values[:, 9:] += 9 * (labels[:, None] == np.arange(3))
    return ActivationTable(LAYERS, values, labels if labelled else None)


def fitted(**options) -> ImportanceDrivenCoverage:
    criterion = ImportanceDrivenCoverage(LAYERS, ImportanceDrivenOptions(**options))
    criterion.fit(table(200))
    return criterion


def test_neurons_that_separate_classes_are_chosen() -> None:
    """Neurons 2 and 6 were made to, and those of the last layer do not count."""
    assert sorted(fitted(m=2).neurons.tolist()) == [2, 6]
    assert fitted(m=99).neurons.shape == (12,)
    assert fitted(neurons=(7, 0)).neurons.tolist() == [7, 0]


def test_share_of_variance_between_classes_by_hand() -> None:
    values = np.array([[0, 5, 1], [2, 5, 1], [4, 5, 9], [6, 5, 9]], dtype=np.float32)
    train = ActivationTable(Layers(("a",), (3,)), values, np.array([0, 0, 1, 1]))
    # Between: 4 · 2² = 16; in all: 9 + 1 + 1 + 9 = 20.
    assert between_class_share(train) == pytest.approx([0.8, -1, 1])


def test_without_labels_the_clearest_two_clusters_count() -> None:
    train = table(300, labelled=False)
    train.values[:, 4] = np.where(np.arange(300) % 2, -5, 5) + 0.1 * train.values[:, 4]
    assert strongest(separation(train), 1, LAYERS).tolist() == [4]
