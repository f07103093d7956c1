"""What the outputs of a model say of each record: loss, logit of the likelihood, correctness.

Whatever the task, a record has a loss ℓ in nats and a likelihood p = exp(−ℓ), and attacks read the
logit of that likelihood φ = log p − log(1 − p) = −log(exp ℓ − 1):

- classification: ℓ is the cross-entropy, φ the logit margin log p_y − log Σ_{c≠y} p_c;
- multi-label: ℓ is the sum of the binary cross-entropies of all labels, p the probability of the
  whole vector of labels;
- losses of the user: ℓ as it is where no loss is negative; else φ = −ℓ, which orders alike;
- regression: the squared error over its median on non-members, r; φ = −log(r + 1e-6), so that
  p = 1 / (1 + r) is the likelihood of a Student t distribution of one degree of freedom. The scale
  is one number for all records, so it changes no order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, log_softmax, logsumexp, xlogy

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.errors import ImprintError
from imprint.data.records.records import Task
from imprint.nets.predictor.predictor import OutputKind

SMALLEST_PROBABILITY = 1e-30
"""Probabilities that a model rounded to 0 count as this."""
ERROR_FLOOR = 1e-6
"""Added to relative squared errors, whose logarithm would be infinite for exact values."""
ROUNDING = 1e-9
"""What rounding may leave of 1 − p where p is 1."""
SUMS_TO_ONE = 1e-3
"""How far a row of rounded probabilities may sum from 1."""


@dataclass(frozen=True, eq=False)
class RecordSignals:
    """What the outputs of a model say of ``n`` records.

    Attributes:
        loss: float64 ``[n]``, in nats but for regression (squared errors) and losses of the user.
        phi: float64 ``[n]``, logit of the likelihood, larger where the model fits better.
        correct: bool ``[n]``, whether the predicted class is right, or every label; None for
            regression and losses.
        entropy: float64 ``[n]``, of the predicted distribution, in nats; None without one.
        mentr: float64 ``[n]``, modified entropy; None but for classification.
    """

    loss: FloatArray
    phi: FloatArray
    correct: BoolArray | None = None
    entropy: FloatArray | None = None
    mentr: FloatArray | None = None

    @staticmethod
    def joined(parts: Sequence[RecordSignals]) -> RecordSignals:
        """Return the signals of several sets, one behind the other."""

        def join(columns: list[Any]) -> Any:
            return None if any(each is None for each in columns) else np.concatenate(columns)

        names = [field.name for field in fields(RecordSignals)]
        return RecordSignals(**{name: join([getattr(p, name) for p in parts]) for name in names})


def probability_floor(outputs: Sequence[NDArray[Any]]) -> float:
    """Return what probabilities of 0 count as: half the smallest positive one, at least 1e-30.

    A forest of 100 trees that says 0 has seen no vote in 100; taken for 1e-30, such a record would
    drown all others. One number for all records of an audit, else it would reveal their set.

    Args:
        outputs: probabilities ``[n, c]`` of each set.

    >>> probability_floor([np.array([[1.0, 0.0], [0.98, 0.02]])])
    0.01
    """
    smallest = 1.0
    for values in outputs:
        shares = np.asarray(values, dtype=np.float64)
        for part in (shares, np.where(1 - shares > ROUNDING, 1 - shares, 0.0)):
            smallest = min(smallest, float(part[part > 0].min(initial=1.0)))
    return max(smallest / 2, SMALLEST_PROBABILITY)


def as_logits(
    outputs: NDArray[Any],
    kind: OutputKind,
    task: Task,
    name: str,
    floor: float = SMALLEST_PROBABILITY,
) -> FloatArray:
    """Return outputs as logits (classification, multi-label) or as they are, float64 ``[n, c]``.

    One column of classification is the logit, or the probability, of class 1 of two.

    Args:
        outputs: ``[n, c]``.
        kind: what they are.
        task: of the model.
        name: of the model, for messages.
        floor: what a probability of 0 counts as, see :func:`probability_floor`.

    Raises:
        ImprintError: they are not finite, or probabilities that are none.
    """
    values = np.asarray(outputs, dtype=np.float64)
    bad = ~np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise ImprintError(
            f"model {name} returns outputs that are not finite, first for record {row}: check its "
            "weights and how inputs are scaled"
        )
    if kind == "probabilities":
        values = _log_odds(values, task, name, floor)
    if task == "classification" and kind != "values" and values.shape[1:] == (1,):
        values = np.concatenate([np.zeros_like(values), values], axis=1)
    return values


def record_signals(
    outputs: NDArray[Any],
    targets: NDArray[Any] | None,
    task: Task,
    kind: OutputKind,
    name: str = "model",
    scale: float | None = None,
    floor: float = SMALLEST_PROBABILITY,
) -> RecordSignals:
    """Return what the outputs of a model say of each record.

    Args:
        outputs: ``[n, c]``, or ``[n]`` of losses.
        targets: as in :class:`imprint.data.records.records.Records`; None for losses.
        task: of the model.
        kind: what the outputs are.
        name: of the model, for messages.
        scale: of squared errors, see :func:`error_scale`; None for that of these records.
        floor: what a probability of 0 counts as, see :func:`probability_floor`.

    Raises:
        ImprintError: outputs and targets that do not fit.
    """
    if kind == "losses":
        return _of_losses(as_logits(outputs, kind, task, name).reshape(-1))
    if targets is None:
        raise ImprintError(f"model {name} needs the targets of the records: give them")
    values = as_logits(outputs, kind, task, name, floor)
    if task == "regression":
        return _of_errors(values, targets, name, scale)
    if task == "multi_label":
        return _of_labels(values, targets, name)
    return _of_classes(values, targets, name)


def error_scale(outputs: NDArray[Any], targets: NDArray[Any]) -> float:
    """Return the median squared error of some records, the unit of regression; 1 where it is 0."""
    errors = _squared_errors(np.asarray(outputs, dtype=np.float64), targets, "the model")
    return float(np.median(errors)) or 1.0


def logit_of_likelihood(loss: FloatArray) -> FloatArray:
    """Return φ = −log(exp ℓ − 1) of losses at least 0, as float64; finite for every ℓ > 0.

    >>> logit_of_likelihood(np.array([0.5, 0.1])).round(3).tolist()
    [0.433, 2.252]
    """
    loss = np.maximum(loss, SMALLEST_PROBABILITY)
    # log(exp ℓ − 1) = ℓ + log(1 − exp(−ℓ)), which neither overflows nor cancels.
    phi: FloatArray = -(loss + np.log(-np.expm1(-loss)))
    return phi


def _log_odds(values: FloatArray, task: Task, name: str, floor: float) -> FloatArray:
    inside = (values >= 0).all() and (values <= 1 + SUMS_TO_ONE).all()
    rows = values.sum(axis=1)
    by_label = task == "multi_label" or values.shape[1] == 1
    whole = by_label or bool(np.all(np.abs(rows - 1) <= SUMS_TO_ONE))
    if not inside or not whole:
        raise ImprintError(
            f"model {name} returns numbers that are no probabilities, which are from 0 to 1"
            f"{'' if task == 'multi_label' else ' and sum to 1'}: say that they are logits"
        )
    log_p = np.log(np.clip(values, floor, 1.0))
    if by_label:
        return np.asarray(log_p - np.log(np.clip(1 - values, floor, 1.0)))
    return np.asarray(log_p)


def _of_losses(loss: FloatArray) -> RecordSignals:
    phi = logit_of_likelihood(loss) if (loss >= 0).all() else -loss
    return RecordSignals(loss, phi)


def _of_classes(logits: FloatArray, targets: NDArray[Any], name: str) -> RecordSignals:
    labels = np.asarray(targets)
    if labels.shape != logits.shape[:1] or labels.dtype.kind not in "iu":
        raise ImprintError(
            f"model {name} classifies, so targets must be one class a record, int "
            f"[{len(logits)}], got {labels.dtype} {list(labels.shape)}"
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < logits.shape[1]:
        raise ImprintError(
            f"classes run from {labels.min()} to {labels.max()}, but model {name} has "
            f"{logits.shape[1]} outputs: number the classes as the model does"
        )
    rows = np.arange(len(labels))
    own = logits[rows, labels]
    rest = logits.copy()
    rest[rows, labels] = -np.inf
    phi = own - logsumexp(rest, axis=1)
    log_p = log_softmax(logits, axis=1)
    p = np.exp(log_p)
    others = p * _log_complements(logits, log_p)
    others[rows, labels] = 0
    loss = -log_expit(phi)
    mentr = np.exp(log_expit(-phi)) * loss - others.sum(axis=1)
    entropy = -(p * log_p).sum(axis=1)
    return RecordSignals(loss, phi, own > rest.max(axis=1), entropy, mentr)


def _log_complements(logits: FloatArray, log_p: FloatArray) -> FloatArray:
    """Return log(1 − p_c), ``[n, c]``: of the largest from the others, so that nothing cancels."""
    rows, largest = np.arange(len(logits)), logits.argmax(axis=1)
    rest = log_p.copy()
    rest[rows, largest] = -np.inf
    complements: FloatArray = np.log1p(-np.minimum(np.exp(log_p), 0.5))
    complements[rows, largest] = np.minimum(logsumexp(rest, axis=1), 0.0)
    return complements


def _of_labels(logits: FloatArray, targets: NDArray[Any], name: str) -> RecordSignals:
    labels = np.asarray(targets)
    if labels.shape != logits.shape or not np.isin(labels, (0, 1)).all():
        raise ImprintError(
            f"model {name} has {logits.shape[1]} labels, so targets must be 0 or 1 "
            f"{list(logits.shape)}, got shape {list(labels.shape)}"
        )
    margins = (2.0 * labels - 1) * logits
    loss = -log_expit(margins).sum(axis=1)
    p = 1 / (1 + np.exp(-np.clip(logits, -700, 700)))
    entropy = -(xlogy(p, p) + xlogy(1 - p, 1 - p)).sum(axis=1)
    return RecordSignals(
        loss, logit_of_likelihood(loss), np.asarray((margins > 0).all(axis=1)), entropy
    )


def _of_errors(
    values: FloatArray, targets: NDArray[Any], name: str, scale: float | None
) -> RecordSignals:
    errors = _squared_errors(values, targets, name)
    unit = (float(np.median(errors)) or 1.0) if scale is None else scale
    return RecordSignals(errors, -np.log(errors / unit + ERROR_FLOOR))


def _squared_errors(values: FloatArray, targets: NDArray[Any], name: str) -> FloatArray:
    wanted = np.asarray(targets, dtype=np.float64).reshape(len(values), -1)
    found = values.reshape(len(values), -1)
    if wanted.shape != found.shape:
        raise ImprintError(
            f"model {name} returns {found.shape[1]} values a record and targets hold "
            f"{wanted.shape[1]}: give targets of that shape"
        )
    return np.asarray(((found - wanted) ** 2).sum(axis=1))
