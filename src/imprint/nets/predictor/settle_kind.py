"""What a model returns, where nobody says so: probabilities are told by their sums."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.data.records.records import Task
from imprint.nets.predictor.predictor import OutputKind, Predictor

SUMS_TO_ONE = 1e-3
"""How far a row of rounded probabilities may sum from 1."""


def settle_kind(
    predictor: Predictor, inputs: NDArray[Any], targets: NDArray[Any] | None, task: Task
) -> Predictor:
    """Return the model with what it returns settled, from its outputs on a first batch.

    A model for which the user, or the model itself, said what it returns stays as it is.

    Args:
        predictor: the model.
        inputs: a first batch ``[b, …]``.
        targets: of the same records.
        task: that the records are of.

    Raises:
        ImprintError: it does not take the batch.
    """
    if getattr(predictor, "kind_is_known", True):
        return predictor
    kind = kind_of(predictor.predict(inputs, targets), task)
    if kind == "probabilities":
        log(
            f"model {predictor.name}: outputs are taken for probabilities, since they lie in "
            "[0, 1]" + (" and sum to 1" if task == "classification" else "")
        )
    settled: Any = predictor
    return cast(Predictor, replace(settled, kind=kind, kind_is_known=True))


def kind_of(outputs: NDArray[Any], task: Task) -> OutputKind:
    """Return what outputs ``[b, c]`` are.

    >>> kind_of(np.array([[0.25, 0.75]]), "classification")
    'probabilities'
    >>> kind_of(np.array([[0.2, 0.7]]), "classification")
    'logits'
    """
    if task == "regression":
        return "values"
    if not len(outputs) or not ((outputs >= 0) & (outputs <= 1 + SUMS_TO_ONE)).all():
        return "logits"
    if task == "multi_label" or outputs.shape[1:] == (1,):
        return "probabilities"
    whole = np.abs(outputs.sum(axis=1) - 1) <= SUMS_TO_ONE
    return "probabilities" if whole.all() else "logits"


def require_targets(predictor: Predictor, targets: NDArray[Any] | None, name: str) -> None:
    """Refuse records without targets for a model that does not return losses.

    Raises:
        ImprintError: there are none.
    """
    if targets is None and predictor.kind != "losses":
        raise ImprintError(
            f"{name} have no targets, which tell how well model {predictor.name} does: give them, "
            "or a function that returns the loss of each record (kind='losses')"
        )
