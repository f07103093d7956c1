"""DeepLIFT's multipliers by the rescale rule, from one pass over the inputs and their baselines.

The pass sees inputs and baselines one after the other, ``[2b, …]``. An operation on each number by
itself has the multiplier Δout / Δin, its derivative where Δin is 0. Max-pooling gives Δout to the
place of the larger maximum: max(o, o′) − o′ to that of the input, o − max(o, o′) to that of the
baseline. A baseline that says nothing is the same everywhere, so its maxima tie, and rounding would
say where: then the place of the input is taken for both. A product of two activations shares its
difference out evenly, Δ(ab) = Δa · b̄ + Δb · ā with bars for means of input and baseline. Linear
operations keep their gradients. So the values of a layer that everything passes through add up to
F(x) − F(x′) exactly, but for soft-max, normalisation by the data itself and other operations of no
rule, which keep their gradients.

Shrikumar, Greenside, Kundaje 2017, "Learning Important Features Through Propagating Activation
Differences", section 3.5.1; max-pooling as in the authors' later code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from imprint.core.errors import ImprintError
from imprint.probe.attribution.graph_rules import (
    ELEMENTWISE,
    GraphRule,
    Operation,
    with_gradient_of,
)
from imprint.probe.attribution.layer_attribution import Question, Values, slopes

SMALL = 1e-10
TIED = 1e-5
POOLS = frozenset(f"{kind}max_pool{axes}d" for kind in ("", "adaptive_") for axes in (1, 2, 3))
PRODUCTS = frozenset({"mul", "multiply", "matmul", "bmm"})


def rescaled(question: Question, baselines: Tensor) -> Values:
    """Return multiplier × difference for each unit of each layer, ``[b, …]``.

    Args:
        question: about some inputs.
        baselines: ``[b, …]``, one an input.

    Raises:
        ImprintError: an operation whose first axis is not that of the inputs.
    """
    count = len(question.inputs)
    with torch.enable_grad():
        with Rescale(count):
            recorded = question.outputs.run(torch.cat([question.inputs, baselines]))
        multipliers = slopes(recorded, question.explained(recorded.logits[:count]))
    contributions = {}
    for name, value in recorded.values.items():
        value = value.detach()
        contributions[name] = multipliers[name][:count] * (value[:count] - value[count:])
    return contributions


class Rescale(GraphRule):
    """The rescale rule for ``count`` inputs and as many baselines behind them."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def rule(self, name: str) -> Callable[[Operation, Tensor, Any, Any], Tensor] | None:
        """Return the rule of an operation."""
        if name in ELEMENTWISE:
            return self._elementwise
        if name in POOLS:
            return self._pooled
        return self._product if name in PRODUCTS else None

    def _halves(self, tensor: Tensor) -> tuple[Tensor, Tensor]:
        if tensor.ndim == 0 or len(tensor) % (2 * self.count):
            raise ImprintError(
                f"DeepLIFT met an operation on shape {list(tensor.shape)}, whose first axis is not "
                f"that of the {2 * self.count} inputs and baselines: choose another method"
            )
        one, other = tensor.detach().chunk(2)
        return one, other

    def _elementwise(self, function: Operation, inputs: Tensor, rest: Any, options: Any) -> Tensor:
        out: Tensor = function(inputs, *rest, **options)
        if not inputs.requires_grad:
            return out
        (x, before), (y, start) = self._halves(inputs), self._halves(out)
        change = x - before
        still = change.abs() < SMALL
        multiplier = (y - start) / torch.where(still, 1.0, change)
        if still.any():
            at = x.detach().requires_grad_()
            (slope,) = torch.autograd.grad(function(at.clone(), *rest, **options).sum(), at)
            multiplier = torch.where(still, slope, multiplier)
        return with_gradient_of(inputs * torch.cat([multiplier, multiplier]), out)

    def _pooled(self, function: Operation, inputs: Tensor, rest: Any, options: Any) -> Tensor:
        if options.pop("return_indices", False) or not inputs.requires_grad:
            raise ImprintError(
                "DeepLIFT has no rule for a max-pooling that returns places: choose another method"
            )
        name = f"{function.__name__.removesuffix('_with_indices')}_with_indices"
        out, places = getattr(functional, name)(inputs, *rest, **options)
        (x, before), (y, start) = self._halves(inputs), self._halves(out)
        axes = int(name.split("d_")[0][-1])
        own, others = self._halves(places)
        flat = inputs.flatten(-axes)[: len(x)]
        change = (x - before).flatten(-axes)
        top = torch.maximum(y, start)
        # Of places that tie in the baseline, that of the input is meant.
        at_own = before.flatten(-axes).gather(-1, _flat(own, change)).view_as(own)
        tied = at_own >= start - TIED * start.abs()
        others = torch.where(tied, own, others)
        shared = _share(flat, change, own, top - start, 1.0)
        shared = shared + _share(flat, change, others, y - top, 0.0)
        return with_gradient_of(torch.cat([shared, torch.zeros_like(shared)]), out)

    def _product(self, function: Operation, inputs: Tensor, rest: Any, options: Any) -> Tensor:
        out: Tensor = function(inputs, *rest, **options)
        other = rest[0] if rest else None
        if not isinstance(other, Tensor) or not (inputs.requires_grad and other.requires_grad):
            return out
        one, second = self._mean(inputs), self._mean(other)
        return with_gradient_of(function(inputs, second) + function(one, other), out)

    def _mean(self, tensor: Tensor) -> Tensor:
        x, before = self._halves(tensor)
        mean = (x + before) / 2
        return torch.cat([mean, mean])


def _share(flat: Tensor, change: Tensor, places: Tensor, amount: Tensor, still: float) -> Tensor:
    """Return x at some places times amount / Δx there, whose gradient shares the amount out.

    Args:
        flat: x, ``[…, places]``.
        change: Δx.
        places: int64 ``[…, windows]``, or with several axes of windows.
        amount: shaped as ``places``.
        still: the multiplier where Δx is 0, and so is the amount.
    """
    at = _flat(places, flat)
    step = change.gather(-1, at).view_as(places)
    none = step.abs() < SMALL
    factor = torch.where(none, still, amount / torch.where(none, 1.0, step))
    return flat.gather(-1, at).view_as(places) * factor


def _flat(places: Tensor, maps: Tensor) -> Tensor:
    """Return places of all windows on one axis, beside maps ``[…, places]``."""
    return places.reshape(*maps.shape[:-1], -1)
