"""Batch normalisation by the statistics of the batches of all processes.

torch.nn.SyncBatchNorm does this on GPUs alone; here it is two sums over processes, by the
definition of Ioffe & Szegedy 2015 (algorithm 1), for the CPU.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from imprint.train.gather import all_sum, world_size


def batch_moments(
    values: torch.Tensor, axes: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Return mean and biased variance over some axes and all processes, with gradients.

    Args:
        values: of this process; every process must have as many.
        axes: to take them over; they stay, with length 1.

    Returns:
        the mean, the variance, and how many values each rests on.
    """
    count = world_size()
    for axis in axes:
        count *= values.shape[axis]
    mean = all_sum(values.sum(dim=list(axes), keepdim=True)) / count
    squares = (values - mean).square().sum(dim=list(axes), keepdim=True)
    return mean, all_sum(squares) / count, count


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation of ``[b, C]`` or ``[b, C, …]``; in evaluation as ever."""

    def _check_input_dim(self, input: torch.Tensor) -> None:
        """Accept any number of axes behind the channels."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return the normalised batch, in the precision it came in."""
        if not self.training:
            return super().forward(input)
        values = input.float() if input.dtype in (torch.float16, torch.bfloat16) else input
        mean, variance, count = batch_moments(values, [0, *range(2, input.ndim)])
        self._follow(mean.detach().flatten(), variance.detach().flatten() * count / (count - 1))
        normalised = (values - mean) * torch.rsqrt(variance + self.eps)
        if self.affine:
            shape = mean.shape
            normalised = normalised * self.weight.view(shape) + self.bias.view(shape)
        return normalised.to(input.dtype)

    @torch.no_grad()
    def _follow(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        # Without a momentum the running statistics are the mean over all batches so far.
        share = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean), share)
        self.running_var.lerp_(variance.to(self.running_var), share)


def share_batch_norm(module: nn.Module) -> None:
    """Make every batch normalisation below a module take the batches of all processes.

    Parameters and statistics stay the same tensors, under the same names.
    """
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, _BatchNorm) and not isinstance(child, SharedBatchNorm):
                setattr(parent, name, _shared(child))


def _shared(norm: _BatchNorm) -> SharedBatchNorm:
    shared = SharedBatchNorm(
        norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats
    )
    shared._parameters.update(norm._parameters)
    shared._buffers.update(norm._buffers)
    return shared.train(norm.training)


def standardise(rows: torch.Tensor, epsilon: float = 1e-5) -> torch.Tensor:
    """Return ``[b, d]`` with mean 0 and variance 1 in every column over all processes' rows."""
    mean, variance, _ = batch_moments(rows, [0])
    return (rows - mean) * torch.rsqrt(variance + epsilon)
