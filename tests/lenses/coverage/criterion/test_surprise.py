import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import gaussian_kde, multivariate_normal

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.criteria.dsc import DistanceSurpriseCoverage, DistanceSurpriseOptions
from imprint.lenses.coverage.criteria.lsc import (
    LikelihoodSurpriseCoverage,
    LikelihoodSurpriseOptions,
)
from imprint.lenses.coverage.criteria.mdsc import (
    MahalanobisSurpriseCoverage,
    MahalanobisSurpriseOptions,
)
from imprint.lenses.coverage.criterion.surprise import Surprise, SurpriseOptions
from imprint.neurons.activations import ActivationTable, Batch, Layers
from tests.lenses.coverage.made_activations import LAYERS, batch, table, training, unseen

VARYING = np.delete(np.arange(LAYERS.neurons), 7)
SURPRISES = (DistanceSurpriseCoverage, LikelihoodSurpriseCoverage, MahalanobisSurpriseCoverage)


def arrays(found: ActivationTable | Batch) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return traces without the neuron that never varies, and labels."""
    assert found.labels is not None
    values = np.asarray(found.values)[:, VARYING].astype(np.float64)
    return values, np.asarray(found.labels)


def fitted_to(kind: type[Surprise], options: SurpriseOptions, train: ActivationTable) -> Surprise:
    criterion = kind(train.layers, options)
    criterion.fit(train)
    return criterion


@pytest.mark.parametrize("kind", SURPRISES)
def test_neurons_that_hardly_vary_are_left_out(kind: type[Surprise]) -> None:
    criterion = kind(LAYERS)
    criterion.fit(training())
    assert criterion.learned is not None
    np.testing.assert_array_equal(criterion.learned["neurons"].numpy(), VARYING)


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


class Given(Surprise):
    """Surprise that is the activation itself."""

    def learn(self, traces: object, classes: object) -> dict[str, torch.Tensor]:
        return {}

    def degrees(self, traces: NDArray[np.float32], classes: object) -> NDArray[np.float64]:
        return traces[:, 0].astype(np.float64)


def given(options: SurpriseOptions, surprises: list[float]) -> Surprise:
    layers = Layers(("one",), (1,))
    criterion = Given(layers, options)
    criterion.fit(table(np.array([[0.0], [1.0]]), layers, np.array([0, 0])))
    criterion.update(batch([[s] for s in surprises], layers, [0] * len(surprises)))
    return criterion


def test_buckets_are_cut_by_flooring() -> None:
    criterion = given(SurpriseOptions(width=10.0), [-3.0, 3.0, 9.9, 10.0, -12.0])
    assert criterion.seen == {-1, 0, 1, -2}
    assert criterion.value() == 4


def test_published_likelihood_buckets_merge_about_zero() -> None:
    train = training()
    options = LikelihoodSurpriseOptions(compat=True, width=1e6)
    criterion = fitted_to(LikelihoodSurpriseCoverage, options, train)
    criterion.update(Batch(LAYERS, torch.from_numpy(train.values), torch.tensor(train.labels)))
    assert criterion.surprise(unseen()).max() > 0
    assert criterion.seen == {0}


def test_sections_are_parts_of_what_is_open_below() -> None:
    options = SurpriseOptions(upper=10.0, sections=5)
    criterion = given(options, [0.0, 2.0, 2.1, 10.0, 10.1, -1.0])
    assert criterion.seen == {1, 2, 5}
    assert criterion.value() == criterion.ceiling(3) == 3 / 5


@pytest.mark.parametrize("kind", SURPRISES)
def test_labels_are_needed_and_known(kind: type[Surprise]) -> None:
    train, asked = training(), unseen()
    criterion = kind(LAYERS)
    with pytest.raises(ImprintError, match="class of each training input"):
        criterion.fit(ActivationTable(LAYERS, train.values))
    criterion.fit(train)
    with pytest.raises(ImprintError, match="class of each input"):
        criterion.update(Batch(LAYERS, asked.values))
    with pytest.raises(ImprintError, match="of class 9"):
        criterion.update(Batch(LAYERS, asked.values, torch.full((60,), 9)))
    constant = np.ones_like(train.values)
    with pytest.raises(ImprintError, match="no neuron varies"):
        criterion.fit(ActivationTable(LAYERS, constant, train.labels))


def test_classes_with_too_few_inputs_are_refused() -> None:
    values, labels = training(10).values, np.array([0] * 9 + [1])
    few = ActivationTable(LAYERS, values, labels)
    with pytest.raises(ImprintError, match="covariance of class 0 is singular, 9 inputs for 16"):
        fitted_to(MahalanobisSurpriseCoverage, MahalanobisSurpriseOptions(shrinkage="none"), few)
    with pytest.raises(ImprintError, match="1 training inputs of class 1"):
        fitted_to(LikelihoodSurpriseCoverage, LikelihoodSurpriseOptions(), few)
    single = ActivationTable(LAYERS, values, np.zeros(10, dtype=np.int64))
    with pytest.raises(ImprintError, match="only one"):
        fitted_to(DistanceSurpriseCoverage, DistanceSurpriseOptions(), single)


@pytest.mark.parametrize(
    "setting", [{"width": 0.0}, {"width": -1.0}, {"upper": -1.0}, {"sections": 0}]
)
def test_settings_out_of_range_are_refused(setting: dict[str, float]) -> None:
    (name,) = setting
    with pytest.raises(ImprintError, match=f"{name} must be"):
        DistanceSurpriseOptions(**setting)  # type: ignore[arg-type]
