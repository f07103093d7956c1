"""Many fully connected networks at once: what a stack of them is, how it starts, what it predicts.

A network is inputs → ``depth`` × (dense, activation) → dense. Weights start normal with variance
W_std²/fan_in and biases normal with variance b_std², the prior whose infinite width is the kernel
``fc``; without b_std there are no biases. Whoever describes the kernel describes the networks: the
kernel object itself is a :class:`Prior`.

A stack of M networks holds each layer as one tensor ``[M, inputs, outputs]``, so that one batched
matrix product takes all networks a layer further.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.neurons.activation_function import activation_function


class Prior(Protocol):
    """Networks as they start: fields of the kernel ``fc``."""

    @property
    def depth(self) -> int:
        """Hidden layers."""
        ...

    @property
    def activation(self) -> Any:
        """Name of an activation function (:mod:`imprint.neurons.activation_function`)."""
        ...

    @property
    def w_std(self) -> float:
        """Standard deviation of a weight times √fan_in."""
        ...

    @property
    def b_std(self) -> float:
        """Standard deviation of a bias."""
        ...

    @property
    def input_scale(self) -> float:
        """What inputs are multiplied by."""
        ...


class ElementwiseLayer(nn.Module):
    """An activation function as a layer.

    Args:
        name: of the function (:mod:`imprint.neurons.activation_function`).
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.function = activation_function(name)

    def forward(self, values: Tensor) -> Tensor:
        """Return the function of each value."""
        return self.function(values)


@dataclass(frozen=True, eq=False)
class NetworkStack:
    """M networks of one architecture.

    Attributes:
        weights: of each layer, ``[M, inputs, outputs]``.
        biases: of each layer, ``[M, outputs]``; empty where networks have none.
        activation: name of the function after each hidden layer.
    """

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    activation: str

    def __len__(self) -> int:
        return len(self.weights[0])

    def layers(self, inputs: Tensor) -> list[Tensor]:
        """Return every layer before its activation, ``[M, b, outputs]``; the last are the logits.

        Args:
            inputs: ``[b, d]``, the same for all networks.
        """
        phi = activation_function(self.activation)
        outputs: list[Tensor] = []
        for layer, weight in enumerate(self.weights):
            before = phi(outputs[-1]) if outputs else inputs
            after = torch.matmul(before, weight)
            outputs.append(after + self.biases[layer][:, None] if self.biases else after)
        return outputs

    def logits(self, inputs: Tensor) -> Tensor:
        """Return the logits of inputs ``[b, d]``, ``[M, b, c]``."""
        return self.layers(inputs)[-1]

    def network(self, row: int) -> nn.Sequential:
        """Return one of the networks by itself, with weights of its own."""
        modules: list[nn.Module] = []
        for layer, weight in enumerate(self.weights):
            _, before, after = weight.shape
            dense = nn.Linear(before, after, bias=bool(self.biases), dtype=weight.dtype)
            dense.weight.data = weight[row].T.clone()
            if self.biases:
                dense.bias.data = self.biases[layer][row].clone()
            modules += [dense, ElementwiseLayer(self.activation)]
        return nn.Sequential(*modules[:-1])


def initial_stack(
    prior: Prior,
    width: int,
    inputs: int,
    outputs: int,
    seeds: Sequence[int],
    fan_in: int | None = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> NetworkStack:
    """Return untrained networks; each depends on its own seed alone, not on its company.

    Args:
        prior: of the networks.
        width: of each hidden layer.
        inputs: d, numbers of an input as the networks get it.
        outputs: c.
        seeds: one for each network.
        fan_in: numbers of an input where these were expressed in fewer coordinates
            (:func:`in_own_span`); left out, ``inputs``.
        dtype: of the weights.
        device: of the weights.

    Raises:
        ImprintError: an activation that no layer has, or sizes that make no network.
    """
    activation_function(prior.activation)
    if min(width, inputs, outputs, prior.depth) < 1 or not seeds:
        raise ImprintError(
            f"{len(seeds)} networks of width {width}, depth {prior.depth}, {inputs} inputs and "
            f"{outputs} outputs cannot be built: every one of these must be at least 1"
        )
    sizes = [inputs, *[width] * prior.depth, outputs]
    weights: list[list[Tensor]] = [[] for _ in sizes[1:]]
    biases: list[list[Tensor]] = [[] for _ in sizes[1:]]
    for seed in seeds:
        random = torch.Generator().manual_seed(seed)
        for layer, after in enumerate(sizes[1:]):
            before = sizes[layer]
            deviation = prior.w_std / math.sqrt(fan_in if fan_in and not layer else before)
            weights[layer].append(deviation * torch.randn(before, after, generator=random))
            if prior.b_std:
                biases[layer].append(prior.b_std * torch.randn(after, generator=random))
    return NetworkStack(
        tuple(torch.stack(each).to(device, dtype) for each in weights),
        tuple(torch.stack(each).to(device, dtype) for each in biases if each),
        prior.activation,
    )


def in_own_span(inputs: Tensor) -> Tensor:
    """Return inputs as coordinates in an orthonormal basis of their span, ``[n, min(n, d)]``.

    All inner products stay, and normal weights look the same in every orthonormal basis: networks
    with weights of variance W_std²/d on these coordinates, trained by gradient descent, are
    distributed as networks on the inputs themselves, at n/d of the cost in the first layer. Only
    inputs that went in can be asked about.

    Args:
        inputs: ``[n, d]``.
    """
    if len(inputs) >= inputs.shape[1]:
        return inputs
    triangle: Tensor = torch.linalg.qr(inputs.double().T, mode="reduced")[1]
    return triangle.T.to(inputs.dtype).contiguous()
