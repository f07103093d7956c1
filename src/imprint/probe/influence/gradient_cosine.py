"""The cosine of loss gradients; a record's with itself is 1 and says nothing.

Charpiat, Girard, Felardos, Tarabalka 2019, "Input Similarity from the Neural Network Perspective".
"""

from __future__ import annotations

from imprint.probe.influence.gradient_dot import loss_factors
from imprint.probe.influence_kit.question import Attribution, Trained, influence
from imprint.probe.influence_kit.rank_one import gradient_dots, squared_norms


@influence("gradient_cosine", no_self="the cosine of a gradient with itself is 1 for every record")
def gradient_cosine(trained: Trained) -> Attribution:
    """Return the cosines; 0 where a gradient is 0."""
    records, queries = loss_factors(trained)
    lengths = squared_norms(records).sqrt()[:, None] * squared_norms(queries).sqrt()
    dots = gradient_dots(records, queries)
    return Attribution(dots / lengths.where(lengths > 0, 1.0))
