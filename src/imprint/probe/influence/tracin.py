"""TracIn: the loss that steps on a record saved a query, to first order, along the checkpoints.

Σ_t η_t ⟨g_i(θ_t), g_q(θ_t)⟩ with η_t the learning rates of the steps taken *from* θ_t on, over n:
each record has weight 1/n in a step on average. Pruthi, Liu, Sundararajan, Kale 2020, "Estimating
Training Data Influence by Tracing Gradient Descent", equation 3. (The code of Ye et al. 2024 takes
the next epoch's rate wherever the rate drops.)
"""

from __future__ import annotations

from dataclasses import replace

import torch

from imprint.probe.attribution import Attribution, Trained, influence
from imprint.probe.influence.gradient_dot import gradient_dot


@influence("tracin", needs_checkpoints=True)
def tracin(trained: Trained) -> Attribution:
    """Return the sum over checkpoints; the network keeps its weights."""
    final = {name: value.clone() for name, value in trained.network.state_dict().items()}
    total = torch.zeros(len(trained.labels), len(trained.query_labels)).to(trained.inputs)
    try:
        for checkpoint in trained.checkpoints:
            trained.network.load_state_dict(checkpoint.state)
            total += checkpoint.travelled * gradient_dot(replace(trained)).table
    finally:
        trained.network.load_state_dict(final)
    return Attribution(total / len(trained.labels))
