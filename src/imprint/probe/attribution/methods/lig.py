"""Integrated gradients in layer space (Sundararajan et al. 2017, on the part above a layer).

(z(x) − z(x′)) · mean of ∂F/∂z over the straight line *in z*; whatever passes beside the layer keeps
the values of the input. Each layer has a path of its own: ``steps`` passes per layer.
"""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.probe.attribution.layer_attribution import (
    Question,
    Values,
    attributor,
    chunks,
    split_rows,
)
from imprint.probe.attribution.quadrature import even_nodes, gauss_legendre


@attributor("lig", "integrated gradients in layer space", complete=True)
def lig(question: Question) -> Values:
    """Return the integrals, one layer at a time."""
    options = question.options
    by_ends = options.quadrature == "trapezoid"
    nodes, weights = (even_nodes if by_ends else gauss_legendre)(options.steps)
    return {
        name: change * _mean_slope(question, name, change, nodes, weights)
        for name, change in question.changes.items()
    }


def _mean_slope(
    question: Question, name: str, change: Tensor, nodes: Tensor, weights: Tensor
) -> Tensor:
    start = question.unseen.values[name]
    total = torch.zeros_like(change)
    for part in chunks(len(nodes), len(question.inputs), question.options.rows):
        share = nodes[part].to(change).reshape(-1, *[1] * change.ndim)
        points = (start + share * change).flatten(0, 1).requires_grad_()
        inputs = question.inputs.repeat(len(share), *[1] * (question.inputs.ndim - 1))
        with torch.enable_grad():
            recorded = question.outputs.run(inputs, {name: lambda _, at=points: at})  # type: ignore[misc]
            (slope,) = torch.autograd.grad(question.explained(recorded.logits).sum(), points)
        slope = split_rows(slope, len(share), len(change))
        total += torch.einsum("t,t...->...", weights[part].to(slope), slope)
    return total
