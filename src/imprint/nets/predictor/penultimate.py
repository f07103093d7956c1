"""Penultimate features of any network: what its last linear layer is given, from the same pass."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from imprint.core.errors import ImprintError

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


class Penultimate:
    """Hooks that keep the input of the layer that gives the output.

    That is the linear layer or convolution whose result is the output, else the last linear layer
    that ran, else the last convolution. Maps of a convolution are averaged over their places,
    sequences over their tokens.

    >>> import torch
    >>> network = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    >>> with Penultimate(network) as penultimate:
    ...     outputs = network(torch.ones(5, 3))
    ...     features = penultimate.take(outputs, 5)
    >>> features.shape
    torch.Size([5, 4])
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self._calls: list[tuple[nn.Module, Tensor, int]] = []
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> Self:
        for part in self.module.modules():
            if isinstance(part, (nn.Linear, *CONVOLUTIONS)):
                self._handles.append(part.register_forward_hook(self._keep))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._calls.clear()

    def take(self, outputs: Tensor, rows: int) -> Tensor:
        """Return the features of the pass that just ended, float ``[rows, d]``, and forget them.

        Args:
            outputs: what the network returned.
            rows: records of the batch.

        Raises:
            ImprintError: no linear layer or convolution ran.
        """
        calls = list(self._calls)
        self._calls.clear()
        fitting = [call for call in calls if len(call[1]) == rows]
        giving = [call for call in fitting if call[2] == outputs.data_ptr()]
        linear = [call for call in fitting if isinstance(call[0], nn.Linear)]
        last = (giving or linear or fitting)[-1:]
        if not last:
            raise ImprintError(
                "the network runs no linear layer or convolution, so it has no features"
            )
        layer, inputs, _ = last[0]
        if isinstance(layer, CONVOLUTIONS):
            return inputs.flatten(2).mean(2)
        return inputs if inputs.ndim == 2 else inputs.flatten(1, -2).mean(1)

    def _keep(self, layer: nn.Module, arguments: tuple[Any, ...], result: Any) -> None:
        if arguments and isinstance(arguments[0], Tensor) and isinstance(result, Tensor):
            self._calls.append((layer, arguments[0].detach(), result.data_ptr()))
