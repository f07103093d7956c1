"""A convolution without bias, its batch normalisation and its non-linearity, in one sequence."""

from __future__ import annotations

from torch import nn


def normed_convolution(
    before: int,
    after: int,
    kernel: int,
    activation: type[nn.Module] | None,
    stride: int = 1,
    groups: int = 1,
) -> nn.Sequential:
    """Return layers from ``[b, before, h, w]`` to ``[b, after, h / stride, w / stride]``.

    Args:
        before: channels.
        after: channels.
        kernel: odd side of the kernel.
        activation: class of the non-linearity; None for none.
        stride: of the convolution.
        groups: of channels that are convolved apart.
    """
    padding = kernel // 2
    layers = nn.Sequential(
        nn.Conv2d(before, after, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(after),
    )
    return layers if activation is None else layers.append(activation())
