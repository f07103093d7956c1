"""The table of every test, against criteria that see the tests one after another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import gaussian_kde
from sklearn.covariance import LedoitWolf

from imprint.lenses.coverage.criteria.lsc import (
    LikelihoodSurpriseCoverage,
    LikelihoodSurpriseOptions,
)
from imprint.lenses.coverage.criterion.criterion import CRITERIA
from imprint.lenses.coverage.measure.fitted_criteria import FittedCriteria, fit_criteria
from imprint.lenses.coverage.selection.per_input import meanings, per_input_columns
from imprint.neurons.activations import ActivationTable, Layers
from tests.lenses.coverage.made_activations import LAYERS, training, unseen

NAMES = [name for name in CRITERIA.names() if name != "wisdom"]


@pytest.fixture(scope="module")
def fitted() -> FittedCriteria:
    settings = {name: CRITERIA.get(name).Options() for name in NAMES}
    return fit_criteria(LAYERS, settings, training())


@pytest.fixture(scope="module")
def tests() -> ActivationTable:
    batch = unseen(30)
    labels = batch.labels.numpy()
    return ActivationTable(LAYERS, batch.values.numpy(), labels, predictions=(labels + 1) % 3)


def test_gains_are_those_of_one_input_after_another(
    fitted: FittedCriteria, tests: ActivationTable
) -> None:
    columns = per_input_columns(fitted, tests)
    for name, criterion in fitted.criteria.items():
        state, rises = criterion.fresh(), []
        for row in range(len(tests)):
            before = state.value()
            state.update(tests.batch(np.array([row])))
            rises.append(state.value() - before)
        np.testing.assert_allclose(columns[f"{name}_gain"], rises, atol=1e-12, err_msg=name)
        assert criterion.inputs == 0


def test_every_column_says_what_it_holds(fitted: FittedCriteria, tests: ActivationTable) -> None:
    columns = per_input_columns(fitted, tests)
    assert list(columns)[:3] == ["index", "label", "predicted"]
    assert set(meanings(columns)) == set(columns)
    lsc = fitted.criteria["lsc"]
    np.testing.assert_array_equal(columns["lsc_surprise"], lsc.surprise(tests.batch(slice(None))))


def test_tests_without_classes_have_no_surprise(
    fitted: FittedCriteria, tests: ActivationTable
) -> None:
    columns = per_input_columns(fitted, replace(tests, labels=None, predictions=None))
    assert not {"label", "predicted", "lsc_surprise", "lsc_gain"} & set(columns)
    assert {"novelty", "idc_gain", "kmnc_gain"} <= set(columns)


def test_surprise_by_predicted_class_is_that_of_the_densities_and_distances_of_that_class(
    fitted: FittedCriteria, tests: ActivationTable
) -> None:
    """Every test by itself, from the training inputs of the class that is predicted for it."""
    train = training()
    assert train.labels is not None
    assert tests.predictions is not None
    varying = np.flatnonzero(train.values.var(axis=0) >= 1e-5)
    traces, rows = train.values[:, varying].astype(float), tests.values[:, varying].astype(float)
    columns = per_input_columns(fitted, tests, classes="predicted")
    given = per_input_columns(fitted, tests)
    likely = LikelihoodSurpriseCoverage(LAYERS, LikelihoodSurpriseOptions(dimensions=0))
    likely.fit(train)
    by_class = likely.surprise(replace(tests, labels=tests.predictions).batch(slice(None)))
    for row, place in enumerate(tests.predictions.tolist()):
        own, others = traces[train.labels == place], traces[train.labels != place]
        near = min(np.linalg.norm(trace - rows[row]) for trace in own)
        far = min(np.linalg.norm(trace - rows[row]) for trace in others)
        assert columns["dsc_surprise"][row] == pytest.approx(near / far, rel=1e-5)
        shrunk = LedoitWolf().fit(own)
        away = rows[row] - own.mean(0)
        squared = away @ np.linalg.inv(shrunk.covariance_) @ away
        assert columns["mdsc_surprise"][row] == pytest.approx(squared**0.5, rel=1e-6)
        density = gaussian_kde(own.T).logpdf(rows[row])[0]
        assert by_class[row] == pytest.approx(-density, rel=1e-6)
    assert not np.allclose(columns["lsc_surprise"], given["lsc_surprise"])
    assert (columns["label"] == tests.labels).all()


def test_novelty_is_the_share_of_training_inputs_in_fuller_cells() -> None:
    layers = Layers(("one",), (1,))
    train = ActivationTable(layers, np.float32([[0.0], [0.0], [0.1], [1.0], [5.0], [5.1]]))
    settings = {"idc": CRITERIA.get("idc").Options(m=1, k=3, neurons=(0,))}
    fitted = fit_criteria(layers, settings, train)
    tests = ActivationTable(layers, np.float32([[0.05], [1.1], [5.0]]))
    novelty = per_input_columns(fitted, tests)["novelty"]
    assert novelty.tolist() == [0.0, 5 / 6, 3 / 6]
