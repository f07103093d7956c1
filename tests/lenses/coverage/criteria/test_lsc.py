import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import gaussian_kde, multivariate_normal

from imprint.lenses.coverage.criteria.lsc import (
    LikelihoodSurpriseCoverage,
    LikelihoodSurpriseOptions,
)
from imprint.lenses.coverage.criterion.surprise import Surprise, SurpriseOptions
from imprint.neurons.activations import ActivationTable, Batch
from tests.lenses.coverage.made_activations import LAYERS, training, unseen

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


@pytest.mark.parametrize("compat", [False, True])
def test_fixed_kernels_are_sums_of_round_gaussians(compat: bool) -> None:
    train, asked = training(), unseen()
    options = LikelihoodSurpriseOptions(kernel="fixed", dimensions=0, bandwidth=0.5)
    if compat:
        options = LikelihoodSurpriseOptions(compat=True)
    criterion = fitted_to(LikelihoodSurpriseCoverage, options, train)
    bandwidth = 0.2 if compat else 0.5
    traces, labels = arrays(train)
    rows, classes = arrays(asked)
    expected = []
    for row, place in zip(rows, classes, strict=True):
        own = traces[labels == place]
        logs = multivariate_normal.logpdf(own - row, np.zeros(16), bandwidth**2 * np.eye(16))
        expected.append(np.log(len(own)) - np.logaddexp.reduce(logs))
    np.testing.assert_allclose(criterion.surprise(asked), expected, rtol=1e-6)


def test_scott_kernels_are_those_of_scipy() -> None:
    train, asked = training(), unseen()
    options = LikelihoodSurpriseOptions(dimensions=0)
    criterion = fitted_to(LikelihoodSurpriseCoverage, options, train)
    traces, labels = arrays(train)
    rows, classes = arrays(asked)
    expected = [
        -gaussian_kde(traces[labels == place].T).logpdf(row)[0]
        for row, place in zip(rows, classes, strict=True)
    ]
    np.testing.assert_allclose(criterion.surprise(asked), expected, rtol=1e-6)


def test_all_principal_components_are_the_neurons_turned() -> None:
    train, asked = training(), unseen()
    plain, turned = (
        fitted_to(LikelihoodSurpriseCoverage, LikelihoodSurpriseOptions(dimensions=d), train)
        for d in (0, 16)
    )
    assert turned.learned is not None
    assert turned.learned["projection"].shape == (16, 16)
    np.testing.assert_allclose(turned.surprise(asked), plain.surprise(asked), rtol=1e-4)


def test_components_are_at_most_half_the_smallest_class() -> None:
    train = training(30)
    assert train.labels is not None
    smallest = int(np.bincount(train.labels).min())
    options = LikelihoodSurpriseOptions()
    criterion = fitted_to(LikelihoodSurpriseCoverage, options, train)
    assert criterion.learned is not None
    assert criterion.learned["projection"].shape == (16, smallest // 2)


def test_published_likelihood_buckets_merge_about_zero() -> None:
    train = training()
    options = LikelihoodSurpriseOptions(compat=True, width=1e6)
    criterion = fitted_to(LikelihoodSurpriseCoverage, options, train)
    criterion.update(Batch(LAYERS, torch.from_numpy(train.values), torch.tensor(train.labels)))
    assert criterion.surprise(unseen()).max() > 0
    assert criterion.seen == {0}
