"""Activation functions by name, with their derivatives: what a network applies to each unit.

A function is one decorated object in ``activation_functions/``. Some take a number, which stands
behind a colon: ``leaky_relu:0.2``. Kernels of infinite width, networks that are trained and the
comparison of both mean the same function by the same name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.registry import Registry

Elementwise = Callable[[Tensor], Tensor]
"""A function of each number by itself: floating-point tensor in, tensor of its shape out."""

ACTIVATION_FUNCTIONS: Registry[Callable[..., Tensor]] = Registry(
    "activation", "imprint.neurons.activation_functions", group="imprint.activations"
)


@dataclass(frozen=True)
class ActivationName:
    """A name in parts.

    Attributes:
        family: the name that is registered.
        number: what stands behind the colon; None for the function's own.
    """

    family: str
    number: float | None = None


def parse_activation(name: str) -> ActivationName:
    """Return the parts of a name.

    >>> parse_activation("leaky_relu:0.2")
    ActivationName(family='leaky_relu', number=0.2)

    Raises:
        ImprintError: what stands behind the colon is no finite number.
    """
    family, colon, text = name.partition(":")
    if not colon:
        return ActivationName(name)
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ImprintError(f"activation {name!r} needs a number behind the colon, got {text!r}")
    return ActivationName(family, number)


def activation_function(name: str) -> Elementwise:
    """Return the elementwise function of an activation.

    >>> activation_function("leaky_relu:0.2")(torch.tensor([-1.0, 2.0]))
    tensor([-0.2000,  2.0000])

    Raises:
        ImprintError: there is no activation of that name, or it takes no number.
    """
    parts = parse_activation(name)
    function = ACTIVATION_FUNCTIONS.get(parts.family)
    if parts.number is None:
        return function
    if function.__code__.co_argcount != 2:
        raise ImprintError(f"activation {parts.family} takes no number, got {name!r}")
    return partial(_with_number, function, parts.number)


def describe_activations() -> dict[str, str]:
    """Return what each activation is, by name."""
    lines = {
        name: (ACTIVATION_FUNCTIONS.get(name).__doc__ or "of your own").partition("\n")[0]
        for name in ACTIVATION_FUNCTIONS.names()
    }
    return {name: line.removeprefix("Return ").rstrip(".") for name, line in lines.items()}


def derivative(function: Elementwise) -> Elementwise:
    """Return the derivative of an elementwise function, by automatic differentiation.

    >>> derivative(torch.square)(torch.tensor([3.0]))
    tensor([6.])

    It may be taken again, and gradients flow through it.
    """

    def slope(values: Tensor) -> Tensor:
        inside = torch.is_grad_enabled() and values.requires_grad
        with torch.enable_grad():
            at = values if inside else values.detach().requires_grad_()
            result = function(at)
            if not result.requires_grad:
                return torch.zeros_like(values)
            (change,) = torch.autograd.grad(
                result.sum(), at, create_graph=True, materialize_grads=True
            )
        return change if inside else change.detach()

    return slope


def register_own(function: Any) -> str:
    """Register a function of the user's for this process, and return the name it has from now on.

    The name is the function's own; another function of that name is replaced if the user wrote it
    too (as when a cell of a notebook is run again).

    Raises:
        ImprintError: it is not elementwise on float64 tensors, its values are not finite around 0,
            or its name is that of an activation of imprint.
    """
    name = getattr(function, "__name__", type(function).__name__)
    if not name.isidentifier():
        raise ImprintError(
            f"the activation {name} has no name of its own: define it with def, not as a lambda"
        )
    _check(name, function)
    known = ACTIVATION_FUNCTIONS.get(name) if name in ACTIVATION_FUNCTIONS.names() else None
    if known is not None and not getattr(known, "of_the_user", False):
        raise ImprintError(
            f"{name} is an activation of imprint: rename your function, or give its name"
        )

    def own(values: Tensor) -> Tensor:
        result: Tensor = function(values)
        return result

    own.of_the_user = True  # type: ignore[attr-defined]
    ACTIVATION_FUNCTIONS.replace(name, own)
    return str(name)


def _with_number(function: Callable[..., Tensor], number: float, values: Tensor) -> Tensor:
    return function(values, number)


def _check(name: str, function: Any) -> None:
    if not callable(function):
        raise ImprintError(
            f"an activation must be a name or an elementwise function of tensors, got {function!r}"
        )
    values = torch.linspace(-6, 6, 25, dtype=torch.float64)
    try:
        result = function(values)
        halves = torch.cat([function(values[:12]), function(values[12:])])
    except Exception as error:
        raise ImprintError(
            f"the activation {name} fails on a float64 tensor of 25 numbers: "
            f"{type(error).__name__}: {error}"
        ) from error
    if not (
        isinstance(result, Tensor) and result.shape == values.shape and result.is_floating_point()
    ):
        raise ImprintError(f"the activation {name} must return a tensor of its input's shape")
    if not result.isfinite().all():
        raise ImprintError(f"the activation {name} is not finite between -6 and 6")
    if not torch.allclose(result, halves, rtol=1e-12, atol=1e-12):
        raise ImprintError(
            f"the activation {name} must map each number by itself: its values change with the "
            "others in the tensor"
        )
