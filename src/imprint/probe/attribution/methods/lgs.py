"""Gradient-SHAP: mean of (z(x) − z(x′)) · ∂F/∂z at x′ + u (x − x′), u uniform in [0, 1].

Lundberg and Lee's expected gradients (Erion et al. 2021) in layer space, without noise on the
input. The points depend on the seed and the identity of each input, not on its batch.
"""

from __future__ import annotations

import torch

from imprint.probe.attribution.layer_attribution import (
    Question,
    Values,
    attributor,
    chunks,
    split_rows,
)
from imprint.probe.attribution.random_baselines import draw_baselines, draw_shares


@attributor("lgs", "gradient-SHAP", from_baseline=True)
def lgs(question: Question) -> Values:
    """Return the mean over ``samples`` points an input."""
    shares = draw_shares(question, "lgs")
    pool = question.pool
    drawn = question.start[None] if pool is None else draw_baselines(question, pool, "lgs")
    total: Values = {}
    for part in chunks(len(shares), len(question.inputs), question.options.rows):
        baselines = drawn if pool is None else drawn[part]
        _, gradients = question.at(shares[part], baselines)
        if pool is None:
            before = question.unseen.values
        else:
            with torch.no_grad():
                recorded = question.outputs.run(baselines.flatten(0, 1))
            before = {
                name: split_rows(value, *baselines.shape[:2])
                for name, value in recorded.values.items()
            }
        for name, slope in gradients.items():
            change = question.seen.values[name].detach() - before[name]
            gained = (slope * change).sum(0)
            total[name] = total[name] + gained if name in total else gained
    return {name: value / len(shares) for name, value in total.items()}
