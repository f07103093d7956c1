"""TracIn: first-order loss reduction on a query by the steps on a record, over checkpoints.

Σ_t η_t ⟨g_i(θ_t), g_q(θ_t)⟩ with η_t the learning rates of the steps taken *from* θ_t on, over n:
each record has weight 1/n in a step on average. Pruthi, Liu, Sundararajan, Kale 2020, "Estimating
Training Data Influence by Tracing Gradient Descent", equation 3. (The code of Ye et al. 2024 takes
the next epoch's rate wherever the rate drops.)
"""

from __future__ import annotations

import torch

from imprint.probe.influence.gradient_dot import gradient_dot
from imprint.probe.influence_kit.question import Attribution, Trained, influence


@influence("tracin", needs_checkpoints=True)
def tracin(trained: Trained) -> Attribution:
    """Return the sum over checkpoints; the network keeps its weights."""
    final = {name: value.clone() for name, value in trained.network.state_dict().items()}
    weights = next(trained.network.parameters())
    total = torch.zeros(len(trained.labels), len(trained.query_labels)).to(weights)
    itself, shift = total.new_zeros(len(trained.own)), total.new_zeros(len(trained.own))
    try:
        for checkpoint in trained.checkpoints:
            trained.network.load_state_dict(checkpoint.state)
            attribution = gradient_dot(trained)
            own = attribution.own
            assert own is not None
            total += checkpoint.travelled * attribution.table
            itself += checkpoint.travelled * own
            # The miss was another at every checkpoint.
            misses = trained.misses()
            shift += checkpoint.travelled * torch.where(misses > 0, own / misses, 0.0)
    finally:
        trained.network.load_state_dict(final)
    count = len(trained.labels)
    facts = {"checkpoints": len(trained.checkpoints)}
    return Attribution(total / count, itself / count, shift / count, facts)
