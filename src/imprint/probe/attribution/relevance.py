"""Rules of layer-wise relevance propagation, from one backward pass over all layers.

What is propagated is c = R / z, the relevance of a unit by its value: at a ReLU, a sum, a
rearrangement, a mean and a maximum c follows the gradient, so that shortcuts and shared layers need
no rule. With s = R_out / z′ of a linear operation z = f_w(a), each rule makes c_in = ∂/∂a Σ z′ s:

- ``epsilon``: z′ = z + ε sign z, ε = 0.01 · the root mean square of z of the input in question;
- ``gamma``: z′ of weights and biases w + γ max(w, 0), γ = 0.25;
- ``alpha2_beta1``, ``alpha3_beta2``: α R shared by the positive products a w, −β R by the negative;
- ``composite``: gamma, epsilon and nothing but the gradient in the three thirds of the depth.

A smooth non-linearity passes its relevance on as it is, c_in = c_out · out / in. Batch-norm in
evaluation is affine and keeps its gradient (ε → 0).

Bach et al. 2015, "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise
Relevance Propagation"; Montavon et al. 2019, "Layer-Wise Relevance Propagation: An Overview".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from imprint.probe.attribution.attribution_options import Rule
from imprint.probe.attribution.graph_rules import (
    ELEMENTWISE,
    GraphRule,
    Operation,
    with_gradient_of,
)

EPSILON = 0.01
GAMMA = 0.25
BETAS = {"alpha2_beta1": 1.0, "alpha3_beta2": 2.0}
TINY = 1e-9

LINEAR = frozenset(
    {"linear", "conv1d", "conv2d", "conv3d"}
    | {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}
)


class Relevance(GraphRule):
    """One rule for every linear operation, or a rule by depth.

    Args:
        chosen: the rule.
        depth: how many linear operations the network runs.
    """

    def __init__(self, chosen: Rule, depth: int) -> None:
        super().__init__()
        self.chosen = chosen
        self.depth = depth
        self.done = 0

    def rule(self, name: str) -> Callable[[Operation, Tensor, Any, Any], Tensor] | None:
        """Return the rule of an operation."""
        if name in LINEAR:
            return self._linear
        return _smooth if name in ELEMENTWISE - {"relu"} else None

    def _linear(self, function: Operation, inputs: Tensor, rest: Any, options: Any) -> Tensor:
        weight, bias, others, options = _weights(rest, dict(options))

        def apply(activations: Tensor, weights: Tensor, offsets: Tensor | None) -> Tensor:
            output: Tensor = function(activations, weights, offsets, *others, **options)
            return output

        z = apply(inputs, weight, bias)
        rule = self._at_depth()
        if rule == "epsilon0":
            return z
        if rule == "epsilon":
            size = z.detach().flatten(1).square().mean(1).sqrt()
            epsilon = EPSILON * size.reshape(-1, *[1] * (z.ndim - 1))
            return with_gradient_of(z * _ratio(z, z + _sign(z) * epsilon), z)
        if rule == "gamma":
            raised = apply(inputs, _raised(weight), None if bias is None else _raised(bias))
            return with_gradient_of(raised * _ratio(z, raised), z)
        beta = BETAS[rule]
        up, down = inputs.clamp(min=0), inputs.clamp(max=0)
        high, low = weight.clamp(min=0), weight.clamp(max=0)
        offsets = (None, None) if bias is None else (bias.clamp(min=0), bias.clamp(max=0))
        positive = apply(up, high, offsets[0]) + apply(down, low, None)
        negative = apply(up, low, offsets[1]) + apply(down, high, None)
        surrogate = (1 + beta) * positive * _ratio(z, positive)
        return with_gradient_of(surrogate - beta * negative * _ratio(z, negative), z)

    def _at_depth(self) -> str:
        place = self.done
        self.done += 1
        if self.chosen != "composite":
            return self.chosen
        return ("gamma", "epsilon", "epsilon0")[min(2, 3 * place // self.depth)]


def _weights(rest: Any, options: dict[str, Any]) -> tuple[Tensor, Tensor | None, Any, Any]:
    """Return weight, bias and all other arguments of a linear operation."""
    rest = list(rest)
    weight = rest.pop(0) if rest else options.pop("weight")
    bias = rest.pop(0) if rest else options.pop("bias", None)
    return weight, bias, rest, options


def _smooth(function: Operation, inputs: Tensor, rest: Any, options: Any) -> Tensor:
    out: Tensor = function(inputs, *rest, **options)
    return with_gradient_of(inputs * _ratio(out, inputs), out) if inputs.requires_grad else out


def _raised(weight: Tensor) -> Tensor:
    return weight + GAMMA * weight.clamp(min=0)


def _sign(values: Tensor) -> Tensor:
    return torch.where(values >= 0, 1.0, -1.0).to(values)


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return a constant quotient, kept from dividing by nothing."""
    divisor = denominator.detach()
    return numerator.detach() / (divisor + TINY * _sign(divisor))
