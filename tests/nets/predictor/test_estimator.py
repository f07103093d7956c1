"""Estimators: probabilities by class, scores, certain predictions, real values."""

from typing import Any

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from imprint.core.errors import ImprintError
from imprint.nets.predictor.estimator import EstimatorPredictor
from imprint.nets.predictor.predictor import ModelSettings, as_predictor, classes_of

X = np.array([[0.0], [1.0], [2.0], [3.0]])
Y = np.array(["a", "a", "b", "b"])


def test_pipeline_gives_probabilities_of_its_classes() -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    predictor = as_predictor(model)
    assert (predictor.kind, classes_of(predictor)) == ("probabilities", ("a", "b"))
    assert np.array_equal(predictor.predict(X, None), model.predict_proba(X))


def test_scores_of_a_decision_function_are_logits() -> None:
    predictor = as_predictor(LinearSVC().fit(X, Y))
    assert predictor.kind == "logits"
    assert predictor.predict(X, None).shape == (4, 1)


def test_classifier_without_scores_is_certain() -> None:
    predictor = as_predictor(NearestCentroid().fit(X, Y), ModelSettings(kind="values"))
    assert predictor.kind == "probabilities"
    assert predictor.predict(X, None).tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]


def test_regressor_gives_values() -> None:
    predictor = as_predictor(LinearRegression().fit(X, X[:, 0] * 2))
    assert predictor.kind == "values"
    assert predictor.predict(X, None)[:, 0] == pytest.approx([0, 2, 4, 6])


def test_labels_of_a_multi_label_classifier_are_columns() -> None:
    labels = np.array([[0, 1], [0, 1], [1, 1], [1, 0]])
    predictor = as_predictor(KNeighborsClassifier(1).fit(X, labels))
    assert predictor.predict(X, None).tolist() == labels.tolist()
    assert classes_of(predictor) == ()


def test_columns_of_classes_that_a_clone_never_saw_are_zero() -> None:
    values = np.array(["a", "b", "c"])
    model = DummyClassifier(strategy="prior").fit(X[:2], ["c", "c"])
    predictor = EstimatorPredictor(model, "m", "probabilities", "predict_proba", (), values)
    assert predictor.predict(X[:1], None).tolist() == [[0, 0, 1]]


def test_fingerprint_follows_the_parameters() -> None:
    one, same, other = (as_predictor(LogisticRegression(C=c).fit(X, Y)) for c in (1, 1, 2))
    assert one.fingerprint() == same.fingerprint() != other.fingerprint()


@pytest.mark.parametrize(
    ("model", "settings", "inputs", "said"),
    [
        (LogisticRegression(), ModelSettings(), X, "NotFittedError"),
        (LogisticRegression().fit(X, Y), ModelSettings(), X[None], "predict_proba failed"),
        (LinearSVC().fit(X, Y), ModelSettings(kind="probabilities"), X, "has no predict_proba"),
        (LogisticRegression().fit(X, Y), ModelSettings(kind="losses"), X, "returns no losses"),
        (NearestCentroid(), ModelSettings(kind="values"), X, "call its fit first"),
    ],
)
def test_estimators_that_cannot_answer(
    model: Any, settings: ModelSettings, inputs: Any, said: str
) -> None:
    with pytest.raises(ImprintError, match=said):
        as_predictor(model, settings).predict(inputs, None)
