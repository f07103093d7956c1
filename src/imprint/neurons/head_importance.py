"""Importance of attention heads, from that of the values they mix.

A head's output is A·V with its attention weights A. With A held fixed, activation · gradient of the
output, summed over tokens and features, is that of V: ⟨G, A·V⟩ = ⟨Aᵀ·G, V⟩. So the scores of the
units of the value layer by ``lgxa`` or ``lrp`` add up to those of the heads.
"""

from __future__ import annotations

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.neurons.importance import ImportanceTable


def head_scores(table: ImportanceTable, value_layer: str, heads: int) -> FloatArray:
    """Return the score of each head, float64 ``[classes + 1, heads]``.

    Args:
        table: unscaled signed scores, summed over tokens.
        value_layer: the linear layer that gives the values, heads side by side.
        heads: of the attention.

    Raises:
        ImprintError: there is no such layer, or the heads do not share its units evenly.
    """
    where = table.layers.slices.get(value_layer)
    if where is None:
        raise ImprintError(f"no layer {value_layer!r}: there are {', '.join(table.layers.names)}")
    units = table.scores[:, where]
    if heads < 1 or units.shape[1] % heads:
        raise ImprintError(
            f"layer {value_layer} has {units.shape[1]} units, which {heads} heads cannot share"
        )
    scores: FloatArray = units.reshape(len(units), heads, -1).sum(2)
    return scores
