"""Estimators with scikit-learn's interface: its own, pipelines, XGBoost's, LightGBM's.

Classifiers give ``predict_proba``, else the scores of ``decision_function`` as logits, else their
predictions as certain; regressors give ``predict``. Columns follow ``classes_``.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError, named_reason
from imprint.core.user_arrays import as_numbers
from imprint.nets.predictor.predictor import ADAPTERS, Adapter, ModelSettings, OutputKind
from imprint.study.hashing import hash_json

METHODS: dict[str, OutputKind] = {
    "predict_proba": "probabilities",
    "decision_function": "logits",
    "predict": "values",
}
UNLIKELY_LOGIT = -30.0
"""Of classes that an estimator never saw, next to finite scores."""


@dataclass(frozen=True, eq=False)
class EstimatorPredictor:
    """A fitted estimator.

    Attributes:
        estimator: with scikit-learn's interface.
        name: what it is called.
        kind: what it returns.
        method: of the estimator that is called.
        classes: what the outputs stand for, in their order; empty where that is not known.
        class_values: values of ``classes_``, which targets had in training; None for regression.
    """

    estimator: Any
    name: str
    kind: OutputKind
    method: str
    classes: tuple[str, ...] = ()
    class_values: NDArray[Any] | None = None

    def fingerprint(self) -> str:
        """Return the hash of its type and parameters; of what it learned, outputs tell."""
        kind = type(self.estimator)
        return hash_json([kind.__module__, kind.__qualname__, parameters_of(self.estimator)])

    def predict(self, inputs: NDArray[Any], targets: NDArray[Any] | None) -> NDArray[Any]:
        """Return the outputs, float64 ``[b, outputs]``."""
        table = as_table(self.estimator, inputs)
        result = call_estimator(self.estimator, self.method, self.name, table)
        if self.method == "predict" and self.class_values is not None:
            certain = np.asarray(result)[:, None] == np.asarray(self.class_values)
            return np.asarray(certain, dtype=np.float64)
        if isinstance(result, list):  # a table of two probabilities for each label
            result = np.stack([_of_true(label) for label in result], axis=1)
        outputs = as_numbers(result, f"what model {self.name} returns")
        if outputs.ndim not in (1, 2) or len(outputs) != len(inputs):
            raise ImprintError(
                f"model {self.name} must return outputs [b, outputs], got shape "
                f"{list(outputs.shape)} for {len(inputs)} records"
            )
        return self._placed(outputs[:, None] if outputs.ndim == 1 else outputs)

    def _placed(self, outputs: FloatArray) -> FloatArray:
        """Return outputs with a column for every class, also those it was not trained on."""
        own = getattr(self.estimator, "classes_", None)
        if self.class_values is None or own is None or len(own) == len(self.class_values):
            return outputs
        if outputs.shape[1] == 1 and len(own) == 2:  # the score of the second of two classes
            outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=1)
        fill = 0.0 if self.kind == "probabilities" else UNLIKELY_LOGIT
        placed = np.full((len(outputs), len(self.class_values)), fill)
        placed[:, np.flatnonzero(np.isin(self.class_values, own))] = outputs
        return placed


def call_estimator(estimator: Any, method: str, name: str, *arguments: Any) -> Any:
    """Return what a method of an estimator returns.

    Raises:
        ImprintError: it fails, for one because the estimator is not fitted.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(estimator, method)(*arguments)
    except ImprintError:
        raise
    except Exception as error:  # an estimator may raise anything
        raise ImprintError(f"model {name}: {method} failed with {named_reason(error)}") from error


def as_table(estimator: Any, inputs: NDArray[Any]) -> Any:
    """Return inputs as an estimator takes them: a frame, if it was fitted on one."""
    names = getattr(estimator, "feature_names_in_", None)
    if names is None or inputs.ndim != 2 or len(names) != inputs.shape[1]:
        return inputs
    try:
        import pandas
    except ImportError:
        return inputs
    return pandas.DataFrame(inputs, columns=list(names))


def parameters_of(estimator: Any) -> dict[str, str]:
    """Return the parameters of an estimator as texts without addresses in memory."""
    try:
        parameters = estimator.get_params(deep=True)
    except Exception:  # of an object that only looks like an estimator
        return {}
    plain = (bool, int, float, str, type(None), np.number)
    return {
        str(name): repr(value) if isinstance(value, plain) else type(value).__qualname__
        for name, value in parameters.items()
    }


def method_of(estimator: Any, kind: OutputKind | None, name: str) -> str:
    """Return the method that gives the outputs of an estimator.

    Raises:
        ImprintError: it has none that gives what the user says.
    """
    if kind == "losses":
        raise ImprintError(f"model {name} is an estimator, which returns no losses: leave it out")
    wanted = [method for method, gives in METHODS.items() if kind in (None, gives)]
    if kind is None and is_regressor(estimator):
        wanted = ["predict"]
    method = next((method for method in wanted if callable(getattr(estimator, method, None))), None)
    if method is None:
        raise ImprintError(f"model {name} has no {' or '.join(wanted)}: fit one that has")
    return method


def is_regressor(estimator: Any) -> bool:
    """Return whether an estimator predicts real values."""
    if getattr(estimator, "_estimator_type", "") == "regressor":
        return True
    from sklearn.base import is_regressor as says_so

    try:
        return bool(says_so(estimator))
    except Exception:  # an estimator of another library may have no tags
        return False


def _class_values(estimator: Any, method: str, name: str) -> NDArray[Any] | None:
    """Return the classes of an estimator, None for regression and for several labels."""
    if method == "predict" and is_regressor(estimator):
        return None
    classes = getattr(estimator, "classes_", None)
    if method == "predict" and classes is None:
        raise ImprintError(
            f"model {name} is neither a fitted classifier nor a regressor: call its fit first"
        )
    if classes is None or isinstance(classes, list) or getattr(estimator, "multilabel_", False):
        return None
    return np.asarray(classes)


def _of_true(table: Any) -> NDArray[Any]:
    """Return the probability that a label is true, of a table with a column for each value."""
    values = np.asarray(table)
    return values[:, 1] if values.shape[1] > 1 else np.zeros(len(values))


def _names(values: NDArray[Any] | None) -> Sequence[str]:
    if values is None:
        return ()
    from imprint.data.records.targets import class_name

    return [class_name(value) for value in values.tolist()]


def _adapt(model: Any, settings: ModelSettings) -> EstimatorPredictor:
    name = settings.name or type(model).__name__
    method = method_of(model, settings.kind, name)
    values = _class_values(model, method, name)
    kind = METHODS[method] if values is None or method != "predict" else "probabilities"
    return EstimatorPredictor(model, name, kind, method, tuple(_names(values)), values)


def _recognises(model: Any) -> bool:
    if isinstance(model, type):
        return False
    return hasattr(model, "predict_proba") or (
        hasattr(model, "predict") and hasattr(model, "fit") and hasattr(model, "get_params")
    )


ADAPTERS.register("estimator")(
    Adapter(_recognises, _adapt, 20, "an estimator with scikit-learn's interface")
)
