import numpy as np
from numpy.typing import NDArray

from imprint.lenses.coverage.criteria.mdsc import (
    MahalanobisSurpriseCoverage,
    MahalanobisSurpriseOptions,
)
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


def test_mahalanobis_distance_of_a_known_gaussian() -> None:
    # The corners of a box of half sides 1, 2, 3 have covariance diag(1, 4, 9) about its centre.
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-2, 2) for z in (-3, 3)], dtype=float)
    layers = Layers(("three",), (3,))
    train = table(np.concatenate([corners + 5, corners * 2]), layers, np.repeat([0, 1], 8))
    options = MahalanobisSurpriseOptions(shrinkage="none")
    criterion = fitted_to(MahalanobisSurpriseCoverage, options, train)
    asked = batch([[6.0, 9.0, 5.0], [5.0, 5.0, 5.0], [2.0, 0.0, 6.0]], layers, [0, 0, 1])
    np.testing.assert_allclose(criterion.surprise(asked), [5**0.5, 0, 2**0.5], rtol=1e-12)


def test_mahalanobis_distance_is_that_of_the_shrunk_covariance() -> None:
    from sklearn.covariance import LedoitWolf

    train, asked = training(30), unseen()
    criterion = fitted_to(MahalanobisSurpriseCoverage, MahalanobisSurpriseOptions(), train)
    traces, labels = arrays(train)
    rows, classes = arrays(asked)
    models = [LedoitWolf().fit(traces[labels == place]) for place in range(3)]
    expected = [
        models[place].mahalanobis(row[None])[0] ** 0.5
        for row, place in zip(rows, classes, strict=True)
    ]
    np.testing.assert_allclose(criterion.surprise(asked), expected, rtol=1e-8)
