"""Batches across processes: gather with gradients."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist


def world_size() -> int:
    """Return the number of training processes (1 without a process group)."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return this process's number among them."""
    return dist.get_rank() if world_size() > 1 else 0


def gather(rows: torch.Tensor) -> torch.Tensor:
    """Return the rows ``[b, d]`` of all processes, ``[world · b, d]``, with gradients.

    The backward pass sums the gradients that every process's loss sends to these rows, so a loss
    of the gathered batch, averaged over processes as DDP does, has the gradient of one process
    with the whole batch.
    """
    if world_size() == 1:
        return rows
    gathered: torch.Tensor = _Gather.apply(rows)  # type: ignore[no-untyped-call]  # torch's own
    return gathered


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor) -> torch.Tensor:
        parts = [torch.empty_like(rows) for _ in range(world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        total = gradient.contiguous()
        dist.all_reduce(total)
        return total.chunk(world_size())[rank()]
