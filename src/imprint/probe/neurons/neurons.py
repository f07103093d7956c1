"""Taps: what each neuron of a network says of each input, from the forward pass itself.

A neuron is one output unit of a linear layer, one channel of a convolution, its mean over all
places, one hidden unit of a recurrent layer, one head of an attention. Values are raw outputs of
the module, before normalisation and non-linearity, reduced to ``[b, width]`` in float32 on the
device inside the hook, so that no maps are kept. Padding is no token: it enters no mean where the
network has a method ``present_tokens``, from token ids to bool ``[b, t]``. A module that sees an
input in several pieces (windows), pieces of one input side by side, gives their mean.

Layers are named by module path, with ``#1``, ``#2`` … for further calls of the same module and
``@3`` for a time step. A module that is defined but never runs is no layer. Inputs come first in
every axis order but that of recurrent layers and attention without ``batch_first``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from imprint.core.errors import ImprintError
from imprint.neurons.activations import Batch, Layers
from imprint.probe.neurons.activation_watch import ActivationWatch, watch_passes
from imprint.probe.neurons.neuron_values import (
    CONVOLUTIONS,
    eligible_modules,
    reduction,
    some_channels,
)
from imprint.probe.neurons.tap_options import TapOptions, choose_layers


class _LayerCall(NamedTuple):
    """What one call of a module gave."""

    name: str
    kind: str
    values: Tensor


class Taps:
    """Hooks on a network that hand out the activations of its last forward pass.

    The first pass finds the layers; all that follow must run the same ones. Whoever uses it puts
    the network in evaluation mode and decides about gradients: the values carry none.

    Args:
        model: a :class:`ImageModel` or any other module.
        options: which layers, and what a neuron is.
        columns: int64 ``[m]`` by name of a layer, the neurons of it to hand out, those layers
            alone; all of all by default.

    >>> from torch import nn
    >>> model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))
    >>> with Taps(model) as taps:
    ...     logits = model(torch.zeros(5, 3, 8, 8))
    ...     batch = taps.take()
    >>> taps.layers.names, batch.values.shape
    (('0', '3'), torch.Size([5, 6]))
    """

    def __init__(
        self,
        model: nn.Module,
        options: TapOptions | None = None,
        columns: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.model = model
        self.columns = dict(columns or {})
        self.options = options or TapOptions()
        self._calls: list[_LayerCall] = []
        self._rows: int | None = None
        self._present: Tensor | None = None
        self._counts: dict[str, int] = {}
        self._handles: dict[str, RemovableHandle] = {}
        self._chosen: list[int] = []
        self._watch = ActivationWatch() if self.options.values == "activated" else None
        self._layers: Layers | None = None

    @property
    def layers(self) -> Layers:
        """The layers that are looked at.

        Raises:
            ImprintError: no forward pass has been taken yet.
        """
        if self._layers is None:
            raise ImprintError("the layers of a network are known after its first forward pass")
        return self._layers

    def __enter__(self) -> Self:
        self._start = self.model.register_forward_pre_hook(self._begin, with_kwargs=True)
        if self._watch is not None:
            self._around = watch_passes(self.model, self._watch)
        tapped = {_module_of(name) for name in self.columns}
        for name, module in eligible_modules(self.model, self.options).items():
            if not tapped or name in tapped:
                self._handles[name] = self._hook(name, module)
        if not self._handles:
            self.__exit__(None, None, None)
            raise ImprintError(
                f"{type(self.model).__name__} has no linear, convolutional, recurrent or attention "
                "layer to read"
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._start.remove()
        if self._watch is not None:
            self._around.close()
        for handle in self._handles.values():
            handle.remove()
        self._handles.clear()
        self._forget()

    @torch.no_grad()
    def discover(self, inputs: Any) -> Layers:
        """Return the layers, found by a pass over a few inputs; the mode of the network stays.

        Args:
            inputs: whatever the network takes.
        """
        self.model(inputs)
        self.take()
        return self.layers

    def take(self, labels: Tensor | None = None) -> Batch:
        """Return the activations of the forward pass that just ended, and forget them.

        Args:
            labels: int64 ``[b]`` to go with them.

        Raises:
            ImprintError: no pass, or one that ran other layers than the first, or of other widths.
        """
        calls, rows = self._calls, self._rows
        self._forget()
        if not calls:
            raise ImprintError("no layer ran since activations were last taken")
        if self._layers is None:
            self._settle(calls, rows)
        elif len(calls) != len(self._all.names):
            self._complain(calls)
        chosen = [calls[row] for row in self._chosen]
        for call, name, width in zip(chosen, self.layers.names, self.layers.widths, strict=True):
            if call.name != name or call.values.shape[1] != width:
                self._complain(calls)
        values = [_joined(call, self._pieces[call.name]) for call in chosen]
        if len({len(part) for part in values}) > 1:
            self._complain(calls)
        return Batch(self.layers, torch.cat(values, dim=1), labels)

    def _begin(
        self, module: nn.Module, arguments: tuple[Any, ...], keywords: Mapping[str, Any]
    ) -> None:
        inputs = (*arguments, *keywords.values())
        first = next((value for value in inputs if isinstance(value, Tensor)), None)
        self._rows = None if first is None else len(first)
        says = getattr(self.model, "present_tokens", None)
        self._present = None if first is None or says is None else says(first)

    def _hook(self, name: str, module: nn.Module) -> RemovableHandle:
        reduce = reduction(module, self.options)
        kind = type(module).__name__
        picked = self.columns if isinstance(module, CONVOLUTIONS) else {}

        def keep(
            module: nn.Module, arguments: tuple[Any, ...], keywords: Mapping[str, Any], output: Any
        ) -> None:
            count = self._counts.get(name, 0)
            self._counts[name] = count + 1
            called = f"{name}#{count}" if count else name

            def calls_of(output: Any) -> list[_LayerCall]:
                if called in picked:
                    some = some_channels(output.detach(), picked[called])
                    return [_LayerCall(called, kind, some)]
                values = reduce(module, arguments, keywords, output, self._present)
                return [
                    _LayerCall(called + suffix, kind, self._columns_of(called + suffix, each))
                    for suffix, each in values.items()
                ]

            place = slice(len(self._calls), len(self._calls) + 1)
            self._calls += calls_of(output)
            if self._watch is not None:
                self._watch.forget()
                if isinstance(module, (nn.Linear, *CONVOLUTIONS)):

                    def replace(activated: Tensor) -> None:
                        self._calls[place] = calls_of(activated)

                    axis = 1 if isinstance(module, CONVOLUTIONS) else -1
                    self._watch.await_activation(output, axis, replace)

        if isinstance(module, nn.MultiheadAttention):
            return module.register_forward_hook(keep, with_kwargs=True)
        return module.register_forward_hook(
            lambda module, arguments, output: keep(module, arguments, {}, output)
        )

    def _columns_of(self, name: str, values: Tensor) -> Tensor:
        columns = self.columns.get(name)
        return values if columns is None else values[:, columns]

    def _settle(self, calls: list[_LayerCall], given: int | None) -> None:
        """Fix the layers, and drop the hooks that are of no use for them."""
        if not hasattr(self.model, "present_tokens"):
            self._start.remove()
        counts = {len(call.values) for call in calls}
        inputs = given if given in counts else min(counts)
        self._pieces = {call.name: _pieces(call, inputs) for call in calls}
        names = tuple(call.name for call in calls)
        chosen = choose_layers(names, self.options)
        if self.columns:
            absent = [name for name in self.columns if name not in names]
            if absent:
                raise ImprintError(f"no layer {absent[0]!r}: the network runs {', '.join(names)}")
            chosen = [row for row in chosen if names[row] in self.columns]
        modules = {_module_of(calls[row].name) for row in chosen}
        for name in [name for name in self._handles if name not in modules]:
            self._handles.pop(name).remove()
        kept = [call for call in calls if _module_of(call.name) in modules]
        self._all = _layers_of(kept)
        wanted = {calls[row].name for row in chosen}
        self._chosen = [row for row, call in enumerate(kept) if call.name in wanted]
        self._layers = _layers_of([kept[row] for row in self._chosen])
        calls[:] = kept

    def _complain(self, calls: list[_LayerCall]) -> None:
        layers_now = _layers_of(calls)
        pairs = [
            dict(zip(layers.names, layers.widths, strict=True))
            for layers in (self._all, layers_now)
        ]
        differ = sorted(
            name
            for name in pairs[0].keys() | pairs[1].keys()
            if pairs[0].get(name) != pairs[1].get(name)
        )
        where = differ[0] if differ else "in another order"
        raise ImprintError(
            f"the network did not run the same layers as at first ({where}): neurons need inputs "
            "of one shape, and one pass between one take and the next"
        )

    def _forget(self) -> None:
        self._calls = []
        if self._watch is not None:
            self._watch.forget()
        self._rows = self._present = None
        self._counts = {}


def _pieces(call: _LayerCall, inputs: int) -> int:
    """Return how many rows of a call belong to one input."""
    pieces, rest = divmod(len(call.values), inputs)
    if rest:
        raise ImprintError(
            f"layer {call.name} gave {len(call.values)} rows for {inputs} inputs: the inputs must "
            "be the first axis, leave this layer out otherwise"
        )
    return pieces


def _joined(call: _LayerCall, pieces: int) -> Tensor:
    """Return one row per input, the mean over its pieces."""
    if pieces == 1:
        return call.values
    return call.values.reshape(-1, pieces, call.values.shape[1]).mean(1)


def _layers_of(calls: list[_LayerCall]) -> Layers:
    return Layers(
        tuple(call.name for call in calls),
        tuple(call.values.shape[1] for call in calls),
        tuple(call.kind for call in calls),
    )


def _module_of(name: str) -> str:
    return name.partition("#")[0].partition("@")[0]
