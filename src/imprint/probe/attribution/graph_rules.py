"""Rules of propagation on the operations of a pass, modules or functions alike.

A rule keeps the value of an operation and replaces its gradient by that of a *surrogate*: another
differentiable function of the same inputs whose constants the rule has chosen. Gradients by layer
outputs then are the multipliers of the method, for all layers from one backward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

ELEMENTWISE = frozenset(
    {"relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus"}
    | {"softsign", "sigmoid", "tanh", "hardtanh", "hardswish", "hardsigmoid", "hardshrink"}
    | {"softshrink", "tanhshrink", "logsigmoid", "log_sigmoid", "threshold", "exp", "abs", "erf"}
    | {"square", "sqrt", "rsqrt", "clamp", "clamp_min", "clamp_max"}
)
"""Operations on each number by itself, by the name of the function."""

Operation = Callable[..., Any]


class GraphRule(TorchFunctionMode):
    """Operations of a pass whose gradients are not their own.

    Leave it before the backward pass.
    """

    def rule(self, name: str) -> Callable[[Operation, Tensor, Any, Any], Tensor] | None:
        """Return what to do instead of an operation; None leaves it as it is."""
        raise NotImplementedError

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        name, inplace = operation_name(func)
        rule = self.rule(name)
        if rule is None or not args or not isinstance(args[0], Tensor) or not is_float(args[0]):
            return func(*args, **kwargs)
        # The only flag that a function of single numbers takes by position says to overwrite.
        by_position = name in ELEMENTWISE and any(value is True for value in args[1:])
        if not (inplace or by_position or kwargs.get("inplace")):
            return rule(func, args[0], args[1:], kwargs)

        def apart(inputs: Tensor, *rest: Any, **options: Any) -> Any:
            return func(inputs.clone(), *rest, **options)

        return args[0].copy_(rule(apart, args[0].clone(), args[1:], kwargs))


def operation_name(func: Any) -> tuple[str, bool]:
    """Return what an operation is called, and whether its name says that it overwrites its input.

    >>> operation_name(torch.relu_), operation_name(torch.Tensor.__imul__)
    (('relu', True), ('mul', True))
    """
    name: str = getattr(func, "__name__", "")
    if name.startswith("__"):
        name = name.strip("_")
        return (name[1:], True) if name in ("imul", "imatmul") else (name, False)
    return name.removesuffix("_"), name.endswith("_")


def is_float(tensor: Tensor) -> bool:
    """Return whether gradients can flow through a tensor."""
    return tensor.is_floating_point()


def with_gradient_of(surrogate: Tensor, value: Tensor) -> Tensor:
    """Return ``value``, to the last digit, with the gradient of ``surrogate``."""
    result: Tensor = _ValueWithGradientOf.apply(surrogate, value.detach())  # type: ignore[no-untyped-call]
    return result


class _ValueWithGradientOf(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, surrogate: Tensor, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(context: Any, slope: Tensor) -> tuple[Tensor, None]:
        return slope, None
