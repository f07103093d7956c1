"""The inner product of loss gradients, ⟨g_i, g_q⟩; of degree 2.

Charpiat, Girard, Felardos, Tarabalka 2019, "Input Similarity from the Neural Network Perspective".
Exact and without per-example gradients: :mod:`imprint.probe.influence_kit.rank_one`.
"""

from __future__ import annotations

from torch import Tensor

from imprint.probe.influence_kit.question import Attribution, Trained, influence
from imprint.probe.influence_kit.rank_one import Factors, factors, gradient_dots


@influence("gradient_dot")
def gradient_dot(trained: Trained) -> Attribution:
    """Return the inner products."""
    return Attribution(gradient_dots(*loss_factors(trained)))


def loss_factors(trained: Trained) -> tuple[Factors, Factors]:
    """Return the loss gradients of all records and of all queries."""

    def of(inputs: Tensor, labels: Tensor) -> Factors:
        return factors(trained.network, inputs, lambda logits: trained.losses(logits, labels))

    return of(trained.inputs, trained.labels), of(trained.queries, trained.query_labels)
