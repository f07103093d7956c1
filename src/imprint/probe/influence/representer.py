"""Representer points: the last layer alone, ⟨f_i, f_q⟩ (y − p)_i of the query's class.

Yeh, Kim, Yen, Ravikumar 2018, "Representer Point Selection for Explaining Deep Neural Networks":
with weight decay 2λ the logits are Σ_i α_i ⟨f_i, f_q⟩, α_i = (y − p)_i / (2λn), f the last
features. Here without the constant, as networks are trained without decay; of degree 1.
"""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.nets.predictor.penultimate import Penultimate
from imprint.probe.influence_kit.question import BATCH, Attribution, Trained, influence


@influence("representer", degree=1, of_classes=True)
def representer(trained: Trained) -> Attribution:
    """Return the pull of each record on the class of each query."""
    features, logits = last_features(trained, trained.inputs)
    left = -trained.slopes(logits, trained.labels)
    own, labels = trained.own, trained.labels[trained.own]
    itself = features[own].square().sum(1) * left[own].gather(1, labels[:, None])[:, 0]
    if not len(trained.query_labels):
        return Attribution(features.new_zeros(len(features), 0), itself)
    query_features, _ = last_features(trained, trained.queries)
    return Attribution((features @ query_features.T) * left[:, trained.query_labels], itself)


@torch.no_grad()
def last_features(trained: Trained, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Return what goes into the last layer, ``[b, f]``, and the logits, ``[b, c]``."""
    features, logits = [], []
    with Penultimate(trained.network) as penultimate:
        for batch in torch.split(inputs, BATCH):
            logits.append(trained.network(batch))
            features.append(penultimate.take(logits[-1], len(batch)))
    return torch.cat(features), torch.cat(logits)
