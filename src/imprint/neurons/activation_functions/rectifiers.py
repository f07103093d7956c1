"""Rectifiers: functions with a kink at 0."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from imprint.neurons.activation_function import ACTIVATION_FUNCTIONS


@ACTIVATION_FUNCTIONS.register("relu")
def relu(values: Tensor) -> Tensor:
    """Return max(u, 0)."""
    return functional.relu(values)


@ACTIVATION_FUNCTIONS.register("leaky_relu")
def leaky_relu(values: Tensor, slope: float = 0.01) -> Tensor:
    """Return u where positive and ``slope`` · u elsewhere."""
    return functional.leaky_relu(values, slope)


@ACTIVATION_FUNCTIONS.register("abs")
def absolute(values: Tensor) -> Tensor:
    """Return |u|."""
    return values.abs()


@ACTIVATION_FUNCTIONS.register("relu_squared")
def relu_squared(values: Tensor) -> Tensor:
    """Return max(u, 0)²."""
    return functional.relu(values).square()


@ACTIVATION_FUNCTIONS.register("elu")
def elu(values: Tensor, alpha: float = 1.0) -> Tensor:
    """Return u where positive and ``alpha`` · (eᵘ − 1) elsewhere."""
    return torch.where(values > 0, values, alpha * torch.expm1(values.clamp(max=0)))


@ACTIVATION_FUNCTIONS.register("selu")
def selu(values: Tensor) -> Tensor:
    """Return the self-normalising ELU."""
    return 1.0507009873554805 * elu(values, 1.6732632423543772)
