"""The losses of records at given checkpoints of one training: its loss trajectory.

Cross-entropy of the logits, by the logit margin (:mod:`imprint.probe.signals.confidence`), so that
no probability is rounded to 0 or 1. One forward pass a record and checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import Tensor, nn

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.probe.signals.confidence import loss_of, margin

Network = nn.Module | Callable[[Tensor], Tensor]
"""Maps inputs ``[b, …]`` to logits ``[b, classes]``."""
BATCH = 256


def loss_trajectory(
    models: Iterable[Network], inputs: Tensor, labels: Tensor, batch_size: int = BATCH
) -> FloatArray:
    """Return the loss of every record at every checkpoint, float64 ``[E, n]`` in nats.

    Args:
        models: the checkpoints in order; an iterator may load one after the other. Modules are run
            in evaluation mode, and left in the mode they were in.
        inputs: of the records, ``[n, …]`` as the models take them, on their device.
        labels: int64 ``[n]``, the true classes.
        batch_size: inputs a forward pass.

    Raises:
        ImprintError: no checkpoint, labels that do not fit, or logits that are not finite.
    """
    rows = []
    for number, model in enumerate(models):
        logits = forward_in_batches(model, inputs, batch_size).double()
        if not bool(logits.isfinite().all()):
            raise ImprintError(
                f"checkpoint {number} answers with logits that are not finite: check its weights, "
                "or leave it out"
            )
        rows.append(loss_of(margin(logits, labels.to(logits.device))).cpu().numpy())
    if not rows:
        raise ImprintError("no checkpoint is given: give the models of at least one")
    return np.stack(rows)


@torch.no_grad()
def forward_in_batches(model: Network, inputs: Tensor, batch_size: int = BATCH) -> Tensor:
    """Return the logits of all inputs, ``[n, classes]``; modules are in evaluation mode for it."""
    training = isinstance(model, nn.Module) and model.training
    if isinstance(model, nn.Module):
        model.eval()
    try:
        return torch.cat([model(part) for part in torch.split(inputs, max(1, batch_size))])
    finally:
        if isinstance(model, nn.Module):
            model.train(training)
