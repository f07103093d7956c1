"""Gradients whose outer products sum to the Gauss–Newton matrix, Σ_i J_iᵀ S_i J_i.

With S = LLᵀ the Hessian of the loss by the outputs, Jᵀ applied to the columns of L gives c rows a
record, and their sum is exact. Of many outputs a few sign vectors ε stand in: E[Lε(Lε)ᵀ] = S.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from imprint.core.seeds import derive
from imprint.probe.influence_kit.layer_calls import Call
from imprint.probe.influence_kit.layer_gradients import Gradients
from imprint.probe.influence_kit.question import Trained
from imprint.probe.influence_kit.record_gradients import RecordGradients

MOST_EXACT_OUTPUTS = 16
SIGN_DRAWS = 4
"""Sign vectors for networks of more outputs."""

Calls = dict[nn.Module, list[Call]]


def curvature_passes(
    trained: Trained, source: RecordGradients
) -> Iterator[tuple[Calls, Gradients]]:
    """Yield calls and gradients of the rows, batch by batch, each weighted to sum to nG."""
    size = source.batch()
    for start in range(0, len(trained.labels), size):
        inputs = trained.inputs[start : start + size]
        with torch.no_grad():
            root = trained.curvature_root(trained.network(inputs))
        for weights in _directions(root, derive(trained.seed, "curvature signs", start)):
            calls = source.calls(inputs, along, weights)
            yield calls, source.from_calls(calls, inputs, along, weights)


def along(outputs: Tensor, weights: Tensor) -> Tensor:
    """Return Σ_c z_c w_c of each row."""
    return (outputs * weights).sum(1)


def _directions(root: Tensor, seed: int) -> Iterator[Tensor]:
    """Yield what the outputs of each row are weighted by, ``[b, c]``."""
    outputs = root.shape[2]
    if outputs <= MOST_EXACT_OUTPUTS:
        yield from root.unbind(2)
        return
    random = torch.Generator().manual_seed(seed)
    for _ in range(SIGN_DRAWS):
        signs = torch.randint(0, 2, (len(root), outputs, 1), generator=random).to(root) * 2 - 1
        yield (root @ signs)[..., 0] / SIGN_DRAWS**0.5
