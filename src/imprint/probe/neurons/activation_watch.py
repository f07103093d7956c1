"""The activation function behind a layer, a module or a function alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

ACTIVATION_FUNCTIONS = frozenset(
    {"relu", "relu6", "leaky_relu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish"}
    | {"softplus", "softsign", "sigmoid", "logsigmoid", "log_sigmoid", "tanh", "hardtanh"}
    | {"hardswish", "hardsigmoid", "hardshrink", "softshrink", "tanhshrink", "threshold"}
)
"""By the name of the function, without the underscore of those that overwrite their input."""


class ActivationWatch(TorchFunctionMode):
    """While it is entered, hands on the result of the first activation function behind a layer."""

    def __init__(self) -> None:
        super().__init__()
        self._keep: Callable[[Tensor], None] | None = None
        self._shape: tuple[int, ...] = ()
        self._axis = 1

    def await_activation(self, output: Tensor, axis: int, keep: Callable[[Tensor], None]) -> None:
        """Wait for an activation function on what a layer gave; nobody waits any more before it.

        Args:
            output: of the layer, ``[b, …]``.
            axis: that counts its neurons.
            keep: takes the result of the function.
        """
        self._shape, self._axis, self._keep = tuple(output.shape), axis, keep

    def forget(self) -> None:
        """Wait for nothing."""
        self._keep = None

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = getattr(func, "__name__", "").removesuffix("_")
        if self._keep is None or name not in ACTIVATION_FUNCTIONS:
            return result
        if isinstance(result, Tensor) and self._fits(result):
            keep, self._keep = self._keep, None
            keep(result)
        return result

    def _fits(self, result: Tensor) -> bool:
        """Whether a result is of as many inputs and neurons; pooling may lie between."""
        shape, axis = self._shape, self._axis
        return (
            result.ndim == len(shape)
            and result.shape[0] == shape[0]
            and result.shape[axis] == shape[axis]
        )


def watch_passes(model: nn.Module, watch: ActivationWatch) -> ExitStack:
    """Enter a watch around every forward pass of a network; close the result to stop that."""
    hooks = ExitStack()

    def begin(module: nn.Module, arguments: Any) -> None:
        watch.__enter__()  # type: ignore[no-untyped-call]

    def end(module: nn.Module, arguments: Any, output: Any) -> None:
        watch.__exit__(None, None, None)  # type: ignore[no-untyped-call]

    hooks.callback(model.register_forward_pre_hook(begin).remove)
    hooks.callback(model.register_forward_hook(end, always_call=True).remove)
    return hooks
