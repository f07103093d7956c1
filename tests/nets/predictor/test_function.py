import numpy as np
import pytest

from imprint.nets.predictor.function import needs_inputs
from imprint.nets.predictor.predictor import ADAPTERS, ModelSettings

INPUTS, TARGETS = np.array([[1.0], [2.0]]), np.array([1.0, 4.0])


def logits(x):
    return x


def logits_at(x, temperature=1.0):
    return x / temperature


def squared_errors(x, y):
    return (x[:, 0] - y) ** 2


@pytest.mark.parametrize(
    ("function", "kind", "is_known"),
    [(logits, "logits", False), (logits_at, "logits", False), (squared_errors, "losses", True)],
)
def test_a_function_that_needs_targets_returns_losses(function, kind, is_known):
    predictor = ADAPTERS.get("function").adapt(function, ModelSettings())
    assert (predictor.kind, predictor.kind_is_known) == (kind, is_known)


def test_a_function_of_losses_is_called_with_inputs_and_targets():
    predictor = ADAPTERS.get("function").adapt(squared_errors, ModelSettings())
    assert predictor.predict(INPUTS, TARGETS).tolist() == [0.0, 4.0]


def test_a_function_without_inputs_builds_a_model_and_is_none():
    assert needs_inputs(logits)
    assert needs_inputs(squared_errors)
    assert not needs_inputs(lambda: logits)
    assert not needs_inputs(lambda seed=0: logits)
