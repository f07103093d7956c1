"""Boosters and estimators of XGBoost and LightGBM."""

from typing import Any

import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.data.records.open_records import as_records
from imprint.nets.predictor.predictor import ModelSettings, as_predictor
from imprint.observation.as_trainer import as_trainer

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(80, 3))
THREE = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)

xgboost = pytest.importorskip("xgboost", reason="needs the extra trees")
lightgbm = pytest.importorskip("lightgbm", reason="needs the extra trees")
LIGHT = {"verbose": -1, "n_jobs": 1, "n_estimators": 5}


def softmax(margins: np.ndarray) -> np.ndarray:
    powers = np.exp(margins - margins.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def fitted(library: str, kind: str, targets: np.ndarray) -> Any:
    if library == "xgboost":
        return getattr(xgboost, f"XGB{kind}")(n_estimators=5, n_jobs=1).fit(X, targets)
    return getattr(lightgbm, f"LGBM{kind}")(**LIGHT).fit(X, targets)


def booster_of(model: Any) -> Any:
    return model.get_booster() if hasattr(model, "get_booster") else model.booster_


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_margins_of_a_booster_are_the_logits_of_its_estimator(library: str) -> None:
    model = fitted(library, "Classifier", THREE)
    booster = as_predictor(booster_of(model))
    assert booster.kind == "logits"
    assert softmax(booster.predict(X, None)) == pytest.approx(model.predict_proba(X), abs=1e-5)
    two = fitted(library, "Classifier", THREE > 0)
    margins = as_predictor(booster_of(two)).predict(X, None)
    assert 1 / (1 + np.exp(-margins[:, 0])) == pytest.approx(two.predict_proba(X)[:, 1], abs=1e-5)


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_booster_of_regression_gives_values(library: str) -> None:
    model = fitted(library, "Regressor", X[:, 0])
    predictor = as_predictor(booster_of(model))
    assert predictor.kind == "values"
    assert predictor.predict(X, None)[:, 0] == pytest.approx(model.predict(X), abs=1e-5)
    assert as_predictor(model).kind == "values"
    with pytest.raises(ImprintError, match="gives values, not logits"):
        as_predictor(booster_of(model), ModelSettings(kind="logits"))
    assert len(predictor.fingerprint()) == 64


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_estimator_is_cloned(library: str) -> None:
    model = fitted(library, "Classifier", THREE)
    records = as_records((X, THREE))
    trainer = as_trainer(as_predictor(model), records)
    assert trainer is not None
    shadow = trainer.train(records.take(np.arange(40)), 1)
    assert shadow.kind == "probabilities"
    assert shadow.predict(X, None).shape == (80, 3)
    assert not np.array_equal(shadow.predict(X, None), model.predict_proba(X))


def test_inputs_of_another_width_are_one_sentence() -> None:
    for library in ("xgboost", "lightgbm"):
        booster = as_predictor(booster_of(fitted(library, "Classifier", THREE)))
        with pytest.raises(ImprintError, match=r"failed on inputs \[80, 2\]"):
            booster.predict(X[:, :2], None)
