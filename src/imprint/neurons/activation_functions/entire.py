"""Sine, cosine, exponential, Gaussian, identity and square: functions without singularities."""

from __future__ import annotations

from torch import Tensor

from imprint.neurons.activation_function import ACTIVATION_FUNCTIONS


@ACTIVATION_FUNCTIONS.register("identity")
def identity(values: Tensor) -> Tensor:
    """Return u."""
    return values * 1


@ACTIVATION_FUNCTIONS.register("square")
def square(values: Tensor) -> Tensor:
    """Return u²."""
    return values.square()


@ACTIVATION_FUNCTIONS.register("sin")
def sine(values: Tensor) -> Tensor:
    """Return sin u."""
    return values.sin()


@ACTIVATION_FUNCTIONS.register("cos")
def cosine(values: Tensor) -> Tensor:
    """Return cos u."""
    return values.cos()


@ACTIVATION_FUNCTIONS.register("exp")
def exponential(values: Tensor) -> Tensor:
    """Return eᵘ."""
    return values.exp()


@ACTIVATION_FUNCTIONS.register("gaussian")
def gaussian(values: Tensor) -> Tensor:
    """Return exp(−u²)."""
    return values.square().neg().exp()
