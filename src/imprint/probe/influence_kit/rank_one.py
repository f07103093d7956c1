"""Per-example gradients of networks of Linear layers, as the outer products they are.

The gradient by the weight of a linear layer of one example is δ aᵀ, with a what went into the layer
and δ the gradient by what came out. So for two examples, over all layers,

    ⟨g_i, g_j⟩ = Σ_layers (a_i·a_j)(δ_i·δ_j),     with a 1 behind a where the layer has a bias,

exactly, and no gradient is ever written down: memory n (inputs + outputs) a layer instead of
n · inputs · outputs, and two small matrix products instead of a large one. Likewise the second
moments of gradients in any product basis are one product of squares.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError


@dataclass(frozen=True, eq=False)
class Factors:
    """Gradients of n scalars, one a row, layer by layer.

    Attributes:
        inputs: a of each layer, ``[n, inputs]``; with a last column of ones for a bias.
        slopes: δ of each layer, ``[n, outputs]``.
    """

    inputs: tuple[Tensor, ...]
    slopes: tuple[Tensor, ...]

    def gradients(self) -> list[Tensor]:
        """Return the gradients themselves, ``[n, outputs, inputs]`` a layer: for checks."""
        pairs = zip(self.inputs, self.slopes, strict=True)
        return [slope[:, :, None] * a[:, None, :] for a, slope in pairs]


def factors(network: nn.Module, inputs: Tensor, of_logits: Callable[[Tensor], Tensor]) -> Factors:
    """Return the gradients of a scalar of each row; one forward and one backward pass.

    Args:
        network: whose trained parameters all belong to Linear layers, each used once.
        inputs: ``[n, d]``, which the network takes row by row.
        of_logits: maps logits ``[n, c]`` to scalars ``[n]``, row by row.

    Raises:
        ImprintError: a network of other layers.
    """
    layers = linear_layers(network)
    seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def keep(layer: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        if layer in seen or given[0].ndim != 2:
            raise ImprintError(_NOT_LINEAR)
        seen[layer] = (given[0].detach(), made)

    handles = [layer.register_forward_hook(keep) for layer in layers]
    try:
        with torch.enable_grad():
            total = of_logits(network(inputs)).sum()
    finally:
        for handle in handles:
            handle.remove()
    if len(seen) != len(layers):
        raise ImprintError(_NOT_LINEAR)
    slopes = torch.autograd.grad(total, [seen[layer][1] for layer in layers])
    return Factors(
        tuple(_with_one(seen[layer][0], layer.bias is not None) for layer in layers), slopes
    )


_NOT_LINEAR = (
    "gradients are outer products only in networks whose parameters all belong to Linear layers, "
    "each used once on rows: choose another estimator"
)


def linear_layers(network: nn.Module) -> list[nn.Linear]:
    """Return the layers of a network of Linear layers.

    Raises:
        ImprintError: parameters elsewhere.
    """
    layers = [module for module in network.modules() if isinstance(module, nn.Linear)]
    own = {id(weight) for layer in layers for weight in layer.parameters()}
    if not layers or any(id(weight) not in own for weight in network.parameters()):
        raise ImprintError(_NOT_LINEAR)
    return layers


def gradient_dots(one: Factors, other: Factors) -> Tensor:
    """Return the inner product of each gradient with each, ``[n, m]``."""
    total = one.slopes[0].new_zeros(len(one.slopes[0]), len(other.slopes[0]))
    for a, slope, b, other_slope in zip(
        one.inputs, one.slopes, other.inputs, other.slopes, strict=True
    ):
        total += (a @ b.T) * (slope @ other_slope.T)
    return total


def squared_norms(gradients: Factors) -> Tensor:
    """Return the squared norm of each gradient, ``[n]``."""
    pairs = zip(gradients.inputs, gradients.slopes, strict=True)
    return torch.stack([a.square().sum(1) * slope.square().sum(1) for a, slope in pairs]).sum(0)


def joined(parts: list[Factors]) -> Factors:
    """Return the gradients of several lists as one list."""
    return Factors(
        tuple(torch.cat(layer) for layer in zip(*(part.inputs for part in parts), strict=True)),
        tuple(torch.cat(layer) for layer in zip(*(part.slopes for part in parts), strict=True)),
    )


def _with_one(values: Tensor, bias: bool) -> Tensor:
    return torch.cat([values, values.new_ones(len(values), 1)], 1) if bias else values
