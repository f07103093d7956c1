"""Batches across processes: sums and gathers that pass gradients on.

Every process is left with the same result, and makes the same loss of it. Their backward passes
sum the gradients that all those losses send, and averaging over processes, as DDP does, takes the
factor out again: the gradient is that of one process with the whole batch.
"""

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

    The rows of process 0 come first, then those of process 1, and so on.
    """
    if world_size() == 1:
        return rows
    gathered: torch.Tensor = _Gather.apply(rows)  # type: ignore[no-untyped-call]  # torch's own
    return gathered


def all_sum(values: torch.Tensor) -> torch.Tensor:
    """Return the sum over all processes of a tensor that each has, with gradients."""
    if world_size() == 1:
        return values
    total: torch.Tensor = _AllSum.apply(values)  # type: ignore[no-untyped-call]  # torch's own
    return total


def own_share(rows: torch.Tensor) -> torch.Tensor:
    """Return the row of this process of what :func:`gather` made of one row each.

    Of the rows of another number of processes the mean, which adds up to the same.
    """
    share: torch.Tensor = rows[rank()] if len(rows) == world_size() else rows.mean(dim=0)
    return share


class _AllSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        return _summed(values)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return _summed(gradient)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor) -> torch.Tensor:
        parts = [torch.empty_like(rows) for _ in range(world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return _summed(gradient).chunk(world_size())[rank()]


def _summed(values: torch.Tensor) -> torch.Tensor:
    # A copy: autograd may hand the same gradient to other consumers as well.
    total = values.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total)
    return total
