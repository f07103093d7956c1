"""Representer points: the last layer alone, ⟨f_i, f_q⟩ (y − p)_i of the query's class.

Yeh, Kim, Yen, Ravikumar 2018, "Representer Point Selection for Explaining Deep Neural Networks":
with weight decay 2λ the logits are Σ_i α_i ⟨f_i, f_q⟩, α_i = (y − p)_i / (2λn), f the last
features. Here without the constant, as networks are trained without decay; of degree 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.probe.influence_kit.question import Attribution, Trained, influence
from imprint.probe.influence_kit.rank_one import linear_layers


@influence("representer", degree=1)
def representer(trained: Trained) -> Attribution:
    """Return the pull of each record on the class of each query."""
    features, logits = last_features(trained, trained.inputs)
    query_features, _ = last_features(trained, trained.queries)
    hot = torch.nn.functional.one_hot(trained.labels, logits.shape[1]).to(logits)
    if trained.loss == "squared":
        left = hot - 1 / logits.shape[1] - logits
    else:
        left = hot - logits.softmax(1)
    return Attribution((features @ query_features.T) * left[:, trained.query_labels])


@torch.no_grad()
def last_features(trained: Trained, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Return what goes into the last linear layer, ``[b, f]``, and the logits, ``[b, c]``."""
    seen: list[Tensor] = []
    handle = linear_layers(trained.network)[-1].register_forward_hook(
        lambda _, given, made: seen.append(given[0])
    )
    try:
        logits = trained.network(inputs)
    finally:
        handle.remove()
    return seen[0], logits
