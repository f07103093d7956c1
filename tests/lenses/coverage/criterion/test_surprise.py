import numpy as np
import pytest
import torch
from numpy.typing import NDArray

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


def test_sections_exclude_their_lower_end() -> None:
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
