"""The gradient of each record by the parameters of any network, exactly and in bounded memory.

Most layers give it from one pass over a batch (:mod:`imprint.probe.influence_kit.layer_calls`). The
gradient of the first record, by itself, is the judge: whatever layer disagrees with it (weights
that are shared, called otherwise than as a layer, or along another axis than the first) is
differentiated record by record, vectorised where the network allows that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from imprint.core.errors import ImprintError
from imprint.probe.influence_kit.layer_calls import (
    Call,
    is_known,
    layer_gradients,
    record_calls,
)
from imprint.probe.influence_kit.layer_gradients import (
    Dense,
    Gradients,
    LayerGradients,
    Outer,
    gradient_dots,
    joined,
    rowwise_dots,
)
from imprint.probe.influence_kit.question import BATCH, Trained

MEMORY = 2**29
"""Bytes of gradients that are kept at a time."""
MAX_DISAGREEMENT = 1e-3
"""Between a layer's gradient of the first record and that of the record by itself, relative."""

Scalar = Callable[[Tensor, Tensor], Tensor]
"""Maps outputs ``[b, c]`` and what belongs to each row ``[b, …]`` to scalars ``[b]``."""


def trained_parameters(network: nn.Module, most: int | None = None) -> dict[str, nn.Parameter]:
    """Return the parameters that were trained, by name; of many, those of the last layers.

    Args:
        network: whose parameters require gradients where they were trained; all where none does.
        most: numbers at most; a parameter that alone has more is taken where it is the last.

    Raises:
        ImprintError: a network without parameters.
    """
    every = dict(network.named_parameters())
    chosen = {name: each for name, each in every.items() if each.requires_grad} or every
    if not chosen:
        raise ImprintError("the network has no parameters, so no record could have moved any")
    if most is None:
        return chosen
    names, count = list(chosen), 0
    kept: list[str] = []
    for name in reversed(names):
        count += chosen[name].numel()
        if kept and count > most:
            break
        kept.append(name)
    return {name: chosen[name] for name in reversed(kept)}


class RecordGradients:
    """Gradients of scalars of records by the trained parameters of a network.

    Args:
        trained: the network; its first record is what layers are judged by.

    Attributes:
        layers: of which gradients follow from one pass.
        rest: names of the parameters that are differentiated record by record.
        parameters: how many numbers are looked at.
    """

    def __init__(self, trained: Trained) -> None:
        self.trained, self.network = trained, trained.network
        chosen = trained_parameters(trained.network, trained.most_parameters)
        self.parameters = sum(each.numel() for each in chosen.values())
        for each in chosen.values():
            each.requires_grad_(True)
        self.layers, self.rest = _divide(self.network, chosen)
        if self.layers and len(trained.labels):
            self._judge(chosen)

    def losses(self, inputs: Tensor, labels: Tensor) -> Gradients:
        """Return the gradients of the losses of a batch."""
        return self.of(inputs, self.trained.losses, labels)

    def of(self, inputs: Tensor, scalar: Scalar, context: Tensor) -> Gradients:
        """Return the gradients of a scalar of each row of a batch.

        Args:
            inputs: ``[b, …]``.
            scalar: of outputs and context, row by row.
            context: ``[b, …]``.
        """
        calls = self.calls(inputs, scalar, context)
        return self.from_calls(calls, inputs, scalar, context)

    def calls(self, inputs: Tensor, scalar: Scalar, context: Tensor) -> dict[nn.Module, list[Call]]:
        """Return the calls of the layers that give gradients, in one pass."""
        if not self.layers:
            return {}
        scalars = lambda outputs: scalar(outputs, context)  # noqa: E731
        return dict(record_calls(self.network, self.layers, inputs, scalars))

    def from_calls(
        self,
        calls: dict[nn.Module, list[Call]],
        inputs: Tensor,
        scalar: Scalar,
        context: Tensor,
    ) -> Gradients:
        """Return the gradients of a batch whose calls are known."""
        parts: list[LayerGradients] = [layer_gradients(calls[layer]) for layer in self.layers]
        if self.rest:
            parts.append(self._one_by_one(inputs, scalar, context))
        return tuple(parts)

    def batch(self) -> int:
        """Return how many records go through together."""
        return max(1, min(BATCH, MEMORY // (16 * self.parameters)))

    def batches(self, inputs: Tensor, labels: Tensor) -> Iterator[tuple[slice, Gradients]]:
        """Yield slices of rows and the gradients of their losses."""
        for start in range(0, len(inputs), self.batch()):
            rows = slice(start, start + self.batch())
            yield rows, self.losses(inputs[rows], labels[rows])

    def _one_by_one(self, inputs: Tensor, scalar: Scalar, context: Tensor) -> Dense:
        named = dict(self.network.named_parameters())
        weights = {name: named[name].detach() for name in self.rest}

        def one(weights: dict[str, Tensor], row: Tensor, each: Tensor) -> Tensor:
            outputs = functional_call(self.network, weights, (row[None],))
            return scalar(outputs, each[None])[0]

        try:
            slopes = vmap(grad(one), in_dims=(None, 0, 0))(weights, inputs, context)
        except (RuntimeError, NotImplementedError, ValueError):  # what vmap cannot follow
            slopes = self._in_a_loop(inputs, scalar, context)
        flat = torch.cat([slopes[name].flatten(1) for name in self.rest], 1)
        return Dense(flat[:, None, :].detach())

    def _in_a_loop(self, inputs: Tensor, scalar: Scalar, context: Tensor) -> dict[str, Tensor]:
        named = dict(self.network.named_parameters())
        rows = []
        for place in range(len(inputs)):
            here = slice(place, place + 1)
            with torch.enable_grad():
                value = scalar(self.network(inputs[here]), context[here])[0]
            found = torch.autograd.grad(
                value, [named[name] for name in self.rest], allow_unused=True
            )
            rows.append(
                [
                    torch.zeros_like(named[name]) if slope is None else slope
                    for name, slope in zip(self.rest, found, strict=True)
                ]
            )
        columns = zip(*rows, strict=True)
        return {name: torch.stack(each) for name, each in zip(self.rest, columns, strict=True)}

    def _judge(self, chosen: dict[str, nn.Parameter]) -> None:
        """Move every layer that disagrees with the first record by itself to the rest."""
        inputs = self.trained.inputs[:2]
        with torch.enable_grad():
            value = _mixed(self.network(inputs[:1]))[0]
        slopes = torch.autograd.grad(value, list(chosen.values()), allow_unused=True)
        alone = {id(each): slope for each, slope in zip(chosen.values(), slopes, strict=True)}
        try:
            calls = record_calls(self.network, self.layers, inputs, _mixed)
        except (RuntimeError, IndexError, AttributeError):  # a layer that is called unusually
            calls = {layer: [] for layer in self.layers}
        agreeing = [
            layer for layer in self.layers if _agrees(layer, calls[layer], len(inputs), alone)
        ]
        names = {id(each): name for name, each in chosen.items()}
        kept = set(agreeing)
        moved = {
            names[id(each)]
            for layer in self.layers
            if layer not in kept
            for each in layer.parameters(recurse=False)
        }
        self.layers = agreeing
        self.rest = [name for name in chosen if name in moved or name in set(self.rest)]


def pair_products(
    trained: Trained,
    source: RecordGradients,
    left: Callable[[Gradients], Gradients] | None = None,
    right: Callable[[Gradients], Gradients] | None = None,
) -> tuple[Tensor, Tensor]:
    """Return ⟨l(g_i), r(g_q)⟩ of all records and queries, and of asked records with themselves.

    Queries are kept as many at a time as :data:`MEMORY` holds, and records pass by in batches.

    Args:
        trained: records and queries.
        source: of their gradients.
        left: of records, l; None for the gradients themselves.
        right: of queries, r.

    Returns:
        ``[n, q]`` and ``[r]``.
    """
    left, right = left or _same, right or _same
    count = len(trained.query_labels)
    table = torch.zeros(len(trained.labels), count).to(trained.inputs.device)
    own = torch.zeros(len(trained.labels)).to(trained.inputs.device)
    table, own = table.to(_dtype(trained)), own.to(_dtype(trained))
    for start, queries in _kept_queries(trained, source, right):
        for rows, gradients in source.batches(trained.inputs, trained.labels):
            turned = left(gradients)
            if queries is not None:
                stop = start + len(queries[0])
                table[rows, start:stop] = gradient_dots(turned, queries)
            if start == 0:
                own[rows] = rowwise_dots(turned, right(gradients))
    return table, own[trained.own]


def _kept_queries(
    trained: Trained, source: RecordGradients, right: Callable[[Gradients], Gradients]
) -> Iterator[tuple[int, Gradients | None]]:
    if not len(trained.query_labels):
        yield 0, None
        return
    start, kept, size = 0, [], 0
    for rows, gradients in source.batches(trained.queries, trained.query_labels):
        kept.append(right(gradients))
        size += sum(_bytes(layer) for layer in kept[-1])
        done = rows.stop >= len(trained.query_labels)
        if size >= MEMORY or done:
            yield start, joined(kept)
            start, kept, size = rows.stop, [], 0


def _bytes(layer: LayerGradients) -> int:
    tensors = (layer.inputs, layer.slopes) if isinstance(layer, Outer) else (layer.values,)
    return sum(each.numel() * each.element_size() for each in tensors)


def _same(gradients: Gradients) -> Gradients:
    return gradients


def _dtype(trained: Trained) -> torch.dtype:
    return next(trained.network.parameters()).dtype


def _divide(
    network: nn.Module, chosen: dict[str, nn.Parameter]
) -> tuple[list[nn.Module], list[str]]:
    """Return the layers whose calls may give gradients, and the names of all other parameters."""
    wanted = {id(each) for each in chosen.values()}
    uses: dict[int, int] = {}
    for module in network.modules():
        for each in module.parameters(recurse=False):
            uses[id(each)] = uses.get(id(each), 0) + 1
    layers, covered = [], set()
    for module in network.modules():
        own = {id(each) for each in module.parameters(recurse=False)}
        if own and own <= wanted and is_known(module) and all(uses[each] == 1 for each in own):
            layers.append(module)
            covered |= own
    return layers, [name for name, each in chosen.items() if id(each) not in covered]


def _agrees(
    layer: nn.Module, calls: list[Call], rows: int, alone: Mapping[int, Tensor | None]
) -> bool:
    if not calls or any(len(call.inputs) != rows or len(call.slopes) != rows for call in calls):
        return False
    first = layer_gradients(calls).written().values[0]
    parts = [alone[id(each)] for each in layer.parameters(recurse=False)]
    if any(part is None for part in parts):
        return False
    wanted = torch.cat([part.flatten() for part in parts if part is not None])
    found = _as_parameters(layer, first)
    size = float(wanted.norm())
    return float((found - wanted).norm()) <= MAX_DISAGREEMENT * size + 1e-12


def _mixed(outputs: Tensor) -> Tensor:
    """Return a scalar of each row that every output moves, unlike a loss that is fitted."""
    return outputs @ torch.arange(1, outputs.shape[1] + 1).to(outputs).cos()


def _as_parameters(layer: nn.Module, gradient: Tensor) -> Tensor:
    """Return a gradient ``[outputs, inputs]`` in the order of the layer's parameters."""
    weights = (nn.Linear, nn.Conv1d, nn.Conv2d)
    if isinstance(layer, weights) and layer.bias is not None:
        return torch.cat([gradient[:, :-1].flatten(), gradient[:, -1]])
    return gradient.flatten()
