"""What several methods say of one batch of inputs, and what the network loses by each."""

from __future__ import annotations

from dataclasses import dataclass

from imprint.core.arrays import FloatArray
from imprint.neurons.activations import Layers
from imprint.neurons.importance import Selection


@dataclass(frozen=True, eq=False)
class Ballot:
    """One batch.

    Attributes:
        layers: of the network.
        methods: names of the attributions.
        scores: float64 ``[methods, neurons]``, importance by this batch.
        chosen: of each method, the most important neurons.
        gains: float64 ``[methods]``, how much the summed loss rises without the neurons chosen.
        drops: float64 ``[methods]``, by how much the share of inputs got right falls.
    """

    layers: Layers
    methods: tuple[str, ...]
    scores: FloatArray
    chosen: tuple[Selection, ...]
    gains: FloatArray
    drops: FloatArray
