"""Smooth activation functions."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from imprint.neurons.activation_function import ACTIVATION_FUNCTIONS


@ACTIVATION_FUNCTIONS.register("erf")
def erf(values: Tensor) -> Tensor:
    """Return the error function."""
    result: Tensor = torch.special.erf(values)
    return result


@ACTIVATION_FUNCTIONS.register("gelu")
def gelu(values: Tensor) -> Tensor:
    """Return u Φ(u), with the normal distribution function and not its tanh form."""
    return functional.gelu(values)


@ACTIVATION_FUNCTIONS.register("tanh")
def tanh(values: Tensor) -> Tensor:
    """Return the hyperbolic tangent."""
    return values.tanh()


@ACTIVATION_FUNCTIONS.register("sigmoid")
def sigmoid(values: Tensor) -> Tensor:
    """Return 1 / (1 + e⁻ᵘ)."""
    return values.sigmoid()


@ACTIVATION_FUNCTIONS.register("silu")
def silu(values: Tensor) -> Tensor:
    """Return u / (1 + e⁻ᵘ)."""
    return values * values.sigmoid()


@ACTIVATION_FUNCTIONS.register("softplus")
def softplus(values: Tensor) -> Tensor:
    """Return log(1 + eᵘ)."""
    # Not torch's softplus, which is u from 20 on: 2e-9 off.
    return torch.logaddexp(values, torch.zeros_like(values))


@ACTIVATION_FUNCTIONS.register("mish")
def mish(values: Tensor) -> Tensor:
    """Return u tanh(log(1 + eᵘ))."""
    # Not torch's mish, which has no third derivative and the threshold of its softplus.
    return values * softplus(values).tanh()
