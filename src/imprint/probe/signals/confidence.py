"""What logits say about one label: margin, loss, modified entropy, probability, correctness.

Everything is a function of the logit margin φ = log p_y − log Σ_{c≠y} p_c, a label's logit less the
log-sum-exp of all others (Carlini et al. 2022), never of 1 − p: a float32 probability rounds to 1
from φ ≈ 17 on, φ keeps every digit. So loss = softplus(−φ), p_y = σ(φ) and 1 − p_y = σ(−φ) hold to
the last digit at both ends, and nothing is ever infinite for finite logits.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.probe.signals.signal import RecordBatch, signal


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the logit margin φ of each label, differentiable twice.

    Args:
        logits: float ``[b, classes]``, at least two classes.
        labels: int64 ``[b]`` in [0, classes).

    Returns:
        ``[b]`` in the dtype of ``logits``, in nats; larger where the label is more probable.

    Raises:
        ImprintError: other shapes, or labels beyond the classes.
    """
    check_labels(logits, labels)
    column = labels[:, None]
    others = logits.scatter(1, column, -torch.inf)
    return logits.gather(1, column)[:, 0] - others.logsumexp(1)


def loss_of(margins: Tensor) -> Tensor:
    """Return the cross-entropy softplus(−φ) of each margin, in nats, at least 0.

    ``F.softplus`` turns linear at 20 and loses its curvature there; this form does not.
    """
    return -F.logsigmoid(margins)


def probability(logits: Tensor, labels: Tensor, temperature: float = 1.0) -> Tensor:
    """Return the probability of each label, softmax(z / T)_y, ``[b]`` in [0, 1].

    Raises:
        ImprintError: a temperature that is not positive; see also :func:`margin`.
    """
    if not temperature > 0:
        raise ImprintError(f"the temperature must be positive, got {temperature}")
    return torch.sigmoid(margin(logits / temperature, labels))


def modified_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return −(1 − p_y) log p_y − Σ_{c≠y} p_c log(1 − p_c) (Song and Mittal 2021).

    Small where the label is sure and right; *larger means less likely a member*.

    Args:
        logits: float ``[b, classes]``, at least two classes.
        labels: int64 ``[b]`` in [0, classes).

    Returns:
        ``[b]`` in nats, at least 0, finite.

    Raises:
        ImprintError: see :func:`margin`.
    """
    margins = margin(logits, labels)
    of_label = torch.sigmoid(-margins) * loss_of(margins)
    terms = logits.softmax(1) * log_complements(logits)
    of_others = terms.scatter(1, labels[:, None], 0).sum(1)
    return of_label - of_others


def entropy(logits: Tensor) -> Tensor:
    """Return −Σ_c p_c log p_c of each prediction, ``[b]`` in nats; it needs no label.

    Args:
        logits: float ``[b, classes]``.
    """
    log_p = logits.log_softmax(1)
    return -torch.where(log_p > -torch.inf, log_p.exp() * log_p, 0).sum(1)


def log_complements(logits: Tensor) -> Tensor:
    """Return log(1 − p_c) of every class, ``[b, classes]``, at most 0.

    Only the largest probability can come near 1; there log(1 − p) is the log-sum-exp of the
    others. All others are at most ½, where log1p is exact.
    """
    log_p = logits.log_softmax(1)
    largest = logits.argmax(1, keepdim=True)
    rest = log_p.scatter(1, largest, -torch.inf).logsumexp(1, keepdim=True)
    return torch.log1p(-log_p.exp().clamp(max=0.5)).scatter(1, largest, rest.clamp(max=0))


def correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Return whether each label has the one largest logit, bool ``[b]``; a tie is not correct."""
    check_labels(logits, labels)
    column = labels[:, None]
    others = logits.scatter(1, column, -torch.inf)
    return logits.gather(1, column)[:, 0] > others.amax(1)


def check_labels(logits: Tensor, labels: Tensor) -> None:
    """Check that logits are ``[b, classes]`` with one label within the classes each.

    Raises:
        ImprintError: they are not.
    """
    if logits.ndim != 2 or logits.shape[1] < 2 or labels.shape != logits.shape[:1]:
        raise ImprintError(
            "one label each and logits of at least two classes are needed, got labels "
            f"{list(labels.shape)} and logits {list(logits.shape)}: use a network with a classifier"
        )
    classes = logits.shape[1]
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ImprintError(
            f"labels {int(labels.min())}…{int(labels.max())} do not fit a network of {classes} "
            "classes: use the images it was trained for"
        )


@signal("margin", "logit margin", kind="phi", table="signals", storage="chosen")
def score_margin(batch: RecordBatch) -> Tensor:
    """Return φ of each record, in nats."""
    return margin(batch.logits.double(), batch.labels.cpu())


@signal("mentr", "modified entropy", kind="mentr", table="signals")
def score_modified_entropy(batch: RecordBatch) -> Tensor:
    """Return the modified entropy of each record, in nats."""
    return modified_entropy(batch.logits.double(), batch.labels.cpu())


@signal("entropy", "entropy", kind="entropy", table="signals")
def score_entropy(batch: RecordBatch) -> Tensor:
    """Return the entropy of the prediction for each record, in nats."""
    return entropy(batch.logits.double())


@signal("correct", "correctness", table="signals", storage="bool")
def score_correct(batch: RecordBatch) -> Tensor:
    """Return whether each record is classified correctly."""
    return correct(batch.logits.double(), batch.labels.cpu())


@signal("probability", "probability of the true class")
def score_probability(batch: RecordBatch) -> Tensor:
    """Return the probability of each record's class at the temperature of the options."""
    return probability(batch.logits.double(), batch.labels.cpu(), batch.options.temperature)
