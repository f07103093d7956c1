"""Logits of a network without some neurons, for many sets of neurons in one batched pass.

A neuron is taken away by a factor of 0 on what its layer gives; all others keep their values to the
last bit. For a convolution before a batch-norm that leaves a constant, β − γμ/σ, behind; there the
factor can stand after the normalisation instead. At the layer itself it is what zeroing the
neuron's weights and bias does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from imprint.neurons.activations import Layers
from imprint.probe.attribution.layer_attribution import chunks, split_rows
from imprint.probe.neurons.layer_outputs import LayerOutputs, call_name

NORMS = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.GroupNorm,
    nn.InstanceNorm1d,
    nn.InstanceNorm2d,
    nn.InstanceNorm3d,
    nn.LayerNorm,
)


@dataclass(frozen=True, eq=False)
class _Place:
    """Where the factors of a layer are put."""

    module: nn.Module
    call: str
    layer: str


class Ablation:
    """A network some of whose neurons can be taken away.

    Args:
        outputs: the layers of the network, in evaluation mode.
        layers: what a pass runs.
        inputs: ``[b, …]`` to find out by which normalisation follows which layer.
        after_norm: whether factors stand after the normalisation behind a layer, if there is one.
        rows: inputs a pass; changes nothing but memory.

    Attributes:
        fill: float ``[neurons]``, what a neuron gives once it is taken away; None for 0.
    """

    fill: Tensor | None = None

    def __init__(
        self,
        outputs: LayerOutputs,
        layers: Layers,
        inputs: Tensor,
        after_norm: bool = True,
        rows: int = 512,
    ) -> None:
        self.outputs = outputs
        self.layers = layers
        self.rows = rows
        norms = norms_behind(outputs, inputs[:1]) if after_norm else {}
        modules = dict(outputs.model.named_modules())
        self.places = [
            _Place(modules[norms[name].partition("#")[0]], norms[name], name)
            if name in norms
            else _Place(outputs.modules[name.partition("#")[0]], name, name)
            for name in layers.names
        ]

    @torch.no_grad()
    def logits(self, inputs: Tensor, keep: Tensor) -> Tensor:
        """Return the logits without neurons, ``[k, b, outputs]``.

        Args:
            inputs: ``[b, …]``.
            keep: bool ``[k, neurons]``, or ``[k, b, neurons]`` with sets of each input's own.
        """
        count = len(inputs)
        if keep.ndim == 2:
            keep = keep[:, None].expand(-1, count, -1)
        parts = []
        for part in chunks(len(keep), count, self.rows):
            sets = keep[part].flatten(0, 1).to(inputs.device)
            repeated = inputs.repeat(len(sets) // count, *[1] * (inputs.ndim - 1))
            parts.append(split_rows(self._pass(repeated, sets), len(sets) // count, count))
        return torch.cat(parts)

    @torch.no_grad()
    def means(self, batches: Iterable[Tensor]) -> Tensor:
        """Return the mean of each neuron where it would be taken away, float64 ``[neurons]``.

        Args:
            batches: inputs ``[b, …]``, at least one.
        """
        sums = torch.zeros(self.layers.neurons, dtype=torch.float64)
        seen = 0
        calls = {place.call: place for place in self.places}
        counts: dict[str, int] = {}

        def add(path: str, axis: int) -> Callable[[nn.Module, Any, Tensor], None]:
            def hook(module: nn.Module, arguments: Any, output: Tensor) -> None:
                place = calls.get(call_name(path, counts))
                if place is not None:
                    values = output.double().movedim(axis, -1)
                    means = values.flatten(1, -2).mean(1) if values.ndim > 2 else values
                    sums[self.layers.slices[place.layer]] += means.sum(0).cpu()

            return hook

        with ExitStack() as hooks:
            for path, (module, axis) in self._hooked(calls.keys()).items():
                hooks.callback(module.register_forward_hook(add(path, axis)).remove)
            for inputs in batches:
                counts.clear()
                self.outputs.logits(inputs)
                seen += len(inputs)
        return sums / seen

    def _pass(self, inputs: Tensor, keep: Tensor) -> Tensor:
        slices = self.layers.slices
        factors = {
            place.call: keep[:, slices[place.layer]]
            for place in self.places
            if not bool(keep[:, slices[place.layer]].all())
        }
        fills = {
            place.call: self.fill[slices[place.layer]]
            for place in self.places
            if self.fill is not None
        }
        counts: dict[str, int] = {}

        def mask(path: str, axis: int) -> Callable[[nn.Module, Any, Tensor], Tensor | None]:
            def hook(module: nn.Module, arguments: Any, output: Tensor) -> Tensor | None:
                call = call_name(path, counts)
                factor = factors.get(call)
                if factor is None:
                    return None
                shape = [len(factor)] + [1] * (output.ndim - 1)
                shape[axis] = factor.shape[1]
                kept = factor.reshape(shape)
                if call not in fills:
                    return output * kept.to(output)
                values = fills[call].to(output).reshape([1, *shape[1:]])
                return torch.where(kept, output, values)

            return hook

        with ExitStack() as hooks:
            for path, (module, axis) in self._hooked(factors.keys()).items():
                hooks.callback(module.register_forward_hook(mask(path, axis)).remove)
            return self.outputs.logits(inputs)

    def _hooked(self, calls: Any) -> dict[str, tuple[nn.Module, int]]:
        return {
            place.call.partition("#")[0]: (place.module, self.outputs.axis(place.layer))
            for place in self.places
            if place.call in calls
        }


@torch.no_grad()
def norms_behind(outputs: LayerOutputs, inputs: Tensor) -> dict[str, str]:
    """Return, by layer, the call of the normalisation that takes its output as it is.

    Args:
        outputs: the layers of the network.
        inputs: ``[b, …]``, one is enough.

    Returns:
        ``{call of a layer: call of a normalisation, by its path in the whole model}``.
    """
    layer_outputs: list[tuple[str, Tensor]] = []
    norms: dict[str, str] = {}
    counts: dict[str, int] = {}

    def keep(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(module: nn.Module, arguments: Any, output: Tensor) -> None:
            layer_outputs.append((call_name(name, counts), output))

        return hook

    def record_calls(path: str) -> Callable[[nn.Module, Any], None]:
        def hook(module: nn.Module, arguments: Any) -> None:
            called = call_name(f"norm {path}", counts).removeprefix("norm ")
            for name, output in layer_outputs:
                if arguments and arguments[0] is output:
                    norms[name] = called

        return hook

    with ExitStack() as hooks:
        for name, module in outputs.modules.items():
            hooks.callback(module.register_forward_hook(keep(name)).remove)
        for path, module in outputs.model.named_modules():
            if isinstance(module, NORMS):
                hooks.callback(module.register_forward_pre_hook(record_calls(path)).remove)
        outputs.logits(inputs)
    return norms


def loss_gains(
    ablation: Ablation, inputs: Tensor, labels: Tensor, keep: Tensor
) -> tuple[Tensor, Tensor]:
    """Return by how much losses rise and right answers fall without neurons, float64 ``[k, b]``.

    Args:
        ablation: of the network.
        inputs: ``[b, …]``.
        labels: int64 ``[b]``.
        keep: bool ``[k, neurons]`` or ``[k, b, neurons]``.
    """
    # The whole network takes the same batched pass, so that rounding cancels.
    every = torch.ones_like(keep[:1])
    logits = ablation.logits(inputs, torch.cat([every, keep])).cpu().double()
    truth = labels.cpu().expand(len(logits), -1)
    losses = F.cross_entropy(logits.flatten(0, 1), truth.flatten(), reduction="none")
    losses = losses.view_as(truth)
    right = (logits.argmax(2) == truth).double()
    return losses[1:] - losses[0], right[0] - right[1:]
