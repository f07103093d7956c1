"""One training step in several processes: averaged gradients, shared batch statistics."""

from __future__ import annotations

import torch
from torch import nn

from imprint.train.batch_norm import share_batch_norm
from imprint.train.gather import world_size


def distribute(step: nn.Module, device: torch.device, *, all_used: bool = False) -> nn.Module:
    """Return a step that leaves every process with the gradients of one with the whole batch.

    Batch normalisation takes the batches of all processes: torch's own on a GPU, ours elsewhere.
    Without other processes the step comes back as it is.

    Args:
        step: what is trained.
        device: where.
        all_used: every parameter takes part in every step, so none needs to be searched for.
    """
    if world_size() == 1:
        return step
    if device.type == "cuda":
        step = nn.SyncBatchNorm.convert_sync_batchnorm(step)  # type: ignore[no-untyped-call]  # torch's own
    else:
        share_batch_norm(step)
    from torch.nn.parallel import DistributedDataParallel

    return DistributedDataParallel(step, find_unused_parameters=not all_used)
