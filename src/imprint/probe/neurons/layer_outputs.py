"""Raw outputs of a network's layers with their graph, and passes in which some are replaced.

What :mod:`imprint.probe.neurons.neurons` reduces to one number per neuron is kept whole here, for
gradients by it. A later operation may overwrite what a module gave (``inplace=True``, ``x += y``):
modules hand on a copy, so that what is kept is what the module computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError
from imprint.nets.predictor.module import run
from imprint.neurons.activations import Layers
from imprint.probe.neurons.neuron_values import CONVOLUTIONS, eligible_modules

Edit = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class Recorded:
    """One forward pass.

    Attributes:
        logits: ``[b, outputs]``.
        values: raw output of each layer, ``[b, …]``, by name, in the order in which they ran.
    """

    logits: Tensor
    values: dict[str, Tensor]


class LayerOutputs:
    """The linear and convolutional layers of a network.

    Args:
        model: a :class:`ImageModel` or any other module on one batch of inputs; in evaluation mode.
        read: finds the logits ``[b, outputs]`` in what the module returns; by default that is them.

    Raises:
        ImprintError: it has no such layer.
    """

    def __init__(self, model: nn.Module, read: Callable[[Any], Tensor] | None = None) -> None:
        self.model = model
        self.read = read
        self.modules = {
            name: module
            for name, module in eligible_modules(model).items()
            if isinstance(module, (nn.Linear, *CONVOLUTIONS))
        }
        if not self.modules:
            raise ImprintError(
                f"{type(model).__name__} has no linear or convolutional layer to read"
            )

    def run(self, inputs: Tensor, edits: Mapping[str, Edit] | None = None) -> Recorded:
        """Return what a pass gives, with its graph where gradients are enabled.

        Args:
            inputs: ``[b, …]``.
            edits: by the name of a layer, what to put in place of its output.
        """
        kept: dict[str, Tensor] = {}
        counts: dict[str, int] = {}

        def keep(name: str) -> Callable[[nn.Module, Any, Tensor], Tensor]:
            def hook(module: nn.Module, arguments: Any, output: Tensor) -> Tensor:
                called = call_name(name, counts)
                if edits and called in edits:
                    output = edits[called](output)
                if torch.is_grad_enabled() and not output.requires_grad:
                    output = output.detach().requires_grad_()
                kept[called] = output
                return output.clone()

            return hook

        with ExitStack() as hooks:
            for name, module in self.modules.items():
                hooks.callback(module.register_forward_hook(keep(name)).remove)
            logits = self.logits(inputs)
        return Recorded(logits, kept)

    def logits(self, inputs: Tensor) -> Tensor:
        """Return the logits of inputs ``[b, …]``, ``[b, outputs]``.

        Raises:
            ImprintError: the network does not take these inputs.
        """
        result = run(self.model, inputs)
        logits: Tensor = result if self.read is None else self.read(result)
        return logits

    def axis(self, name: str) -> int:
        """Return which axis of a layer's output counts its neurons."""
        return 1 if isinstance(self.modules[name.partition("#")[0]], CONVOLUTIONS) else -1

    def layers(self, recorded: Recorded) -> Layers:
        """Return the layers that a pass ran.

        Raises:
            ImprintError: the outputs of a layer are not one row per input.
        """
        rows = len(recorded.logits)
        for name, values in recorded.values.items():
            if len(values) != rows:
                raise ImprintError(
                    f"layer {name} gave {len(values)} rows for {rows} inputs: attribution needs "
                    "networks whose layers have the inputs as first axis"
                )
        names = tuple(recorded.values)
        return Layers(
            names,
            tuple(value.shape[self.axis(name)] for name, value in recorded.values.items()),
            tuple(type(self.modules[name.partition("#")[0]]).__name__ for name in names),
        )


def call_name(name: str, counts: dict[str, int]) -> str:
    """Return the name of the next call of a module, and count it."""
    count = counts.get(name, 0)
    counts[name] = count + 1
    return name if not count else f"{name}#{count}"


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Ask for no gradient of any weight inside; restore what was asked before."""
    trainable = [weight for weight in model.parameters() if weight.requires_grad]
    for weight in trainable:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in trainable:
            weight.requires_grad_(True)


def cut_layers(outputs: LayerOutputs, inputs: Tensor) -> tuple[str, ...]:
    """Return the layers that everything passes through: without one, no input reaches the logits.

    Found by walking the graph of one pass; a layer beside a shortcut is none.

    Args:
        outputs: of the network.
        inputs: ``[b, …]``, one is enough.
    """
    with torch.enable_grad():
        source = inputs[:1].detach().clone().requires_grad_()
        recorded = outputs.run(source)
        # The node of a leaf is reached through any operation on it.
        view: Any = source.view_as(source).grad_fn
    leaf = view.next_functions[0][0]
    return tuple(
        name
        for name, value in recorded.values.items()
        if not _reaches(recorded.logits.grad_fn, leaf, value.grad_fn)
    )


def _reaches(start: Any, goal: Any, without: Any) -> bool:
    stack, seen = [start], {without}
    while stack:
        node = stack.pop()
        if node is goal:
            return True
        if node is None or node in seen:
            continue
        seen.add(node)
        stack.extend(following for following, _ in node.next_functions)
    return False
