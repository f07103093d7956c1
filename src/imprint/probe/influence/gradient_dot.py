"""The inner product of loss gradients, ⟨g_i, g_q⟩; of degree 2.

Charpiat, Girard, Felardos, Tarabalka 2019, "Input Similarity from the Neural Network Perspective".
Exact for every network: :mod:`imprint.probe.influence_kit.record_gradients`.
"""

from __future__ import annotations

from imprint.probe.influence_kit.question import Attribution, Trained, influence
from imprint.probe.influence_kit.record_gradients import RecordGradients, pair_products


@influence("gradient_dot")
def gradient_dot(trained: Trained) -> Attribution:
    """Return the inner products."""
    return Attribution(*pair_products(trained, RecordGradients(trained)))
