import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from imprint.lenses.coverage.criteria.dsc import DistanceSurpriseCoverage, DistanceSurpriseOptions
from imprint.lenses.coverage.criterion.surprise import Surprise, SurpriseOptions
from imprint.neurons.activations import ActivationTable, Batch, Layers
from tests.lenses.coverage.made_activations import LAYERS, batch, table, training, unseen

VARYING = np.delete(np.arange(LAYERS.neurons), 7)


def arrays(found: ActivationTable | Batch) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return traces without the neuron that never varies, and labels."""
    assert found.labels is not None
    values = np.asarray(found.values)[:, VARYING].astype(np.float64)
    return values, np.asarray(found.labels)


def fitted_to(kind: type[Surprise], options: SurpriseOptions, train: ActivationTable) -> Surprise:
    criterion = kind(train.layers, options)
    criterion.fit(train)
    return criterion


@pytest.mark.parametrize("reference", ["x", "x_a"])
def test_distances_are_those_of_all_pairs(reference: str) -> None:
    train, asked = training(50), unseen(50)
    options = DistanceSurpriseOptions(reference=reference)  # type: ignore[arg-type]
    criterion = fitted_to(DistanceSurpriseCoverage, options, train)
    traces, labels = arrays(train)
    rows, classes = arrays(asked)
    same = classes[:, None] == labels[None, :]
    distances = cdist(rows, traces)
    own = np.where(same, distances, np.inf)
    starts = rows if reference == "x" else traces[own.argmin(1)]
    others = np.where(same, np.inf, cdist(starts, traces)).min(1)
    expected = own.min(1) / others
    found = criterion.surprise(asked)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    criterion.update(asked)
    assert criterion.value() == len(set(np.floor(found / 0.1)))


def test_an_input_upon_another_class_has_the_published_surprise() -> None:
    layers = Layers(("two",), (2,))
    train = table(np.array([[0.0, 0.0], [3.0, 4.0]]), layers, np.array([0, 1]))
    criterion = fitted_to(DistanceSurpriseCoverage, DistanceSurpriseOptions(), train)
    asked = batch([[3.0, 4.0], [0.0, 0.0], [3.0, 0.0]], layers, [0, 0, 0])
    np.testing.assert_allclose(criterion.surprise(asked), [1e-6, 0, 3 / 4], rtol=1e-6)
