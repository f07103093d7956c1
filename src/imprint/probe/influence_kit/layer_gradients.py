"""Gradients of many scalars by the parameters of one layer, as the outer products they often are.

The gradient by the weight of a linear layer of one record is δ aᵀ, with a what went into the layer
and δ the gradient by what came out. So for two records

    ⟨g_i, g_j⟩ = (a_i·a_j)(δ_i·δ_j),     with a 1 behind a where the layer has a bias,

exactly, and no gradient is ever written down: memory n (inputs + outputs) a layer instead of
n · inputs · outputs, and two small matrix products instead of a large one. Likewise the second
moments of gradients in any product basis are one product of squares. Layers that are applied at
many places (convolutions, sequences) sum over places, and their gradients are matrices.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Outer:
    """Gradients that are outer products.

    Attributes:
        inputs: a, ``[n, inputs]``; with a last column of ones for a bias.
        slopes: δ, ``[n, outputs]``.
    """

    inputs: Tensor
    slopes: Tensor

    def __len__(self) -> int:
        return len(self.slopes)

    def written(self) -> Dense:
        """Return the gradients themselves."""
        return Dense(self.slopes[:, :, None] * self.inputs[:, None, :])

    def rotated(self, left: Tensor, right: Tensor) -> Outer:
        """Return LᵀGR of each gradient."""
        return Outer(self.inputs @ right, self.slopes @ left)

    def scaled(self, factor: Tensor) -> Dense:
        """Return each gradient times a matrix ``[outputs, inputs]``, elementwise."""
        return Dense(self.written().values * factor)

    def second_moments(self) -> Tensor:
        """Return the sum of squares, ``[outputs, inputs]``."""
        return self.slopes.square().T @ self.inputs.square()

    def squared_norms(self) -> Tensor:
        """Return the squared norm of each gradient, ``[n]``."""
        return self.inputs.square().sum(1) * self.slopes.square().sum(1)


@dataclass(frozen=True, eq=False)
class Dense:
    """Gradients that are written down.

    Attributes:
        values: ``[n, outputs, inputs]``.
    """

    values: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def written(self) -> Dense:
        """Return themselves."""
        return self

    def rotated(self, left: Tensor, right: Tensor) -> Dense:
        """Return LᵀGR of each gradient."""
        return Dense(left.T @ self.values @ right)

    def scaled(self, factor: Tensor) -> Dense:
        """Return each gradient times a matrix ``[outputs, inputs]``, elementwise."""
        return Dense(self.values * factor)

    def second_moments(self) -> Tensor:
        """Return the sum of squares, ``[outputs, inputs]``."""
        return self.values.square().sum(0)

    def squared_norms(self) -> Tensor:
        """Return the squared norm of each gradient, ``[n]``."""
        return self.values.square().sum((1, 2))


LayerGradients = Outer | Dense
Gradients = tuple[LayerGradients, ...]
"""Gradients of n scalars, one entry a layer."""


def gradient_dots(one: Gradients, other: Gradients) -> Tensor:
    """Return the inner product of each gradient with each, ``[n, m]``."""
    total = _zeros(one, len(one[0]), len(other[0]))
    for first, second in zip(one, other, strict=True):
        total += _dots(first, second)
    return total


def rowwise_dots(one: Gradients, other: Gradients) -> Tensor:
    """Return the inner product of each gradient with the one of the same row, ``[n]``."""
    total = _zeros(one, len(one[0]))
    for first, second in zip(one, other, strict=True):
        if isinstance(first, Outer) and isinstance(second, Outer):
            total += (first.inputs * second.inputs).sum(1) * (first.slopes * second.slopes).sum(1)
        else:
            total += (first.written().values * second.written().values).sum((1, 2))
    return total


def squared_norms(gradients: Gradients) -> Tensor:
    """Return the squared norm of each gradient over all layers, ``[n]``."""
    return torch.stack([layer.squared_norms() for layer in gradients]).sum(0)


def joined(parts: list[Gradients]) -> Gradients:
    """Return the gradients of several lists as one list."""
    return tuple(_join(list(layers)) for layers in zip(*parts, strict=True))


def flattened(gradients: Gradients) -> Tensor:
    """Return all numbers of each gradient in a row, ``[n, p]``."""
    return torch.cat([layer.written().values.flatten(1) for layer in gradients], 1)


def _join(layers: list[LayerGradients]) -> LayerGradients:
    outer = [layer for layer in layers if isinstance(layer, Outer)]
    if len(outer) == len(layers):
        return Outer(
            torch.cat([layer.inputs for layer in outer]),
            torch.cat([layer.slopes for layer in outer]),
        )
    return Dense(torch.cat([layer.written().values for layer in layers]))


def _dots(one: LayerGradients, other: LayerGradients) -> Tensor:
    if isinstance(one, Outer) and isinstance(other, Outer):
        return (one.inputs @ other.inputs.T) * (one.slopes @ other.slopes.T)
    if isinstance(one, Dense) and isinstance(other, Dense):
        return one.values.flatten(1) @ other.values.flatten(1).T
    if isinstance(one, Dense):
        return _dots(other, one).T
    assert isinstance(other, Dense)
    outputs, inputs = other.values.shape[1:]
    if inputs <= outputs:
        # [m, o, i] · [n, o] over o, then over i: what is left in between is the smaller one.
        met = torch.einsum("moi,no->nmi", other.values, one.slopes)
        return torch.einsum("nmi,ni->nm", met, one.inputs)
    met = torch.einsum("moi,ni->nmo", other.values, one.inputs)
    return torch.einsum("nmo,no->nm", met, one.slopes)


def _zeros(gradients: Gradients, *shape: int) -> Tensor:
    first = gradients[0]
    values = first.slopes if isinstance(first, Outer) else first.values
    return values.new_zeros(shape)
