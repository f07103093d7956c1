"""Rankings of the observed neurons: from attribution, or from tables made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.importance.importance_files import (
    read_importance,
    read_layer_json,
    read_votes,
)
from imprint.neurons.activations import Layers
from imprint.neurons.importance import ImportanceTable, Selection, neurons_of, select


@dataclass(frozen=True, eq=False)
class Ranking:
    """How important neurons are.

    Attributes:
        scores: over all inputs, ``[width]`` by layer.
        classifier: the last layer of the network, whose units are the classes; None where
            the scores are of other layers alone.
        source: what made them.
    """

    scores: Mapping[str, FloatArray]
    classifier: str | None
    source: str

    @classmethod
    def of(cls, table: ImportanceTable) -> Ranking:
        """Return the ranking over all inputs of a table."""
        scores = {name: table.of()[part] for name, part in table.layers.slices.items()}
        return cls(scores, table.layers.names[-1], table.method)


def read_ranking(path: Path, layers: Sequence[str]) -> Ranking:
    """Return the importance in a file; its suffix gives the format.

    Args:
        path: ``.parquet``; ``.csv`` with LayerName, NeuronIndex and Score of every layer but the
            last; or ``.json`` of one layer, named ``NAME_LAYER.json`` or ``LAYER_CLASS.json``.
        layers: names of those that are observed.

    Raises:
        ImprintError: the file is damaged, or the name of a JSON file names no observed layer.
    """
    if path.suffix == ".csv":
        return Ranking(read_votes(path), None, path.name)
    if path.suffix == ".json":
        layer = _layer_of(path, layers)
        return Ranking({layer: read_layer_json(path).mean}, None, path.name)
    return Ranking.of(read_importance(path))


def _layer_of(path: Path, layers: Sequence[str]) -> str:
    stem = path.stem
    fitting = [
        name
        for name in layers
        if stem == name or stem.startswith(f"{name}_") or stem.endswith(f"_{name}")
    ]
    if not fitting:
        raise ImprintError(
            f"{path}: its name holds none of the observed layers ({', '.join(layers)}): name it "
            "LAYER_CLASS.json"
        )
    return max(fitting, key=len)


def scores_among(
    layers: Layers, by_layer: Mapping[str, NDArray[Any]], source: str, missing: float = np.nan
) -> FloatArray:
    """Return scores of the observed neurons, float64 ``[neurons]``.

    Args:
        layers: that are observed.
        by_layer: scores of each layer, ``[width]``.
        source: of the scores, for messages.
        missing: score of neurons of layers without scores.

    Raises:
        ImprintError: none of the layers has scores, or one has more or fewer neurons.
    """
    scores = np.full(layers.neurons, missing)
    shared = [name for name in layers.names if name in by_layer]
    for name in shared:
        part = layers.slices[name]
        width = part.stop - part.start
        if len(by_layer[name]) != width:
            raise ImprintError(
                f"{source} has {len(by_layer[name])} neurons in layer {name}, the network {width}: "
                "give a table of this network"
            )
        scores[part] = by_layer[name]
    if not shared:
        raise ImprintError(
            f"{source} has the layers {', '.join(list(by_layer)[:3])} …, and none of them is "
            f"observed ({', '.join(layers.names[:3])} …): give a table of this network"
        )
    return scores


def leading_neurons(
    layers: Layers, scores: FloatArray, m: int, classifier: str | None
) -> Selection:
    """Return the m neurons of the highest scores, those of hidden layers if there are any.

    Args:
        layers: that are observed, some of the network's.
        scores: float64 ``[neurons]``.
        m: how many.
        classifier: the last layer of the whole network, whose units are the classes; None where it
            has no scores.

    Raises:
        ImprintError: no neuron among them has a score.
    """
    hidden = [name for name in layers.names if name != classifier] or list(layers.names)
    scored = int((~np.isnan(scores[neurons_of(layers, hidden)])).sum())
    if not scored:
        raise ImprintError(
            f"none of the observed layers ({', '.join(hidden[:3])}) has scores of its neurons: "
            "observe other layers, or give --importance"
        )
    return select(layers, scores, min(m, scored) if m > 0 else scored, hidden)
