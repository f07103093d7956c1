"""Importance that was made elsewhere: the Parquet table, or the old CSV and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.lenses.coverage.importance.importance_files import (
    read_importance,
    read_layer_json,
    read_votes,
)
from imprint.neurons.importance import ImportanceTable


@dataclass(frozen=True, eq=False)
class Ranking:
    """How important neurons are.

    Attributes:
        scores: over all inputs, ``[width]`` by layer.
        answer: the last layer of the network, whose units are the classes; None where the scores
            are of other layers alone.
        source: what made them.
    """

    scores: Mapping[str, FloatArray]
    answer: str | None
    source: str

    @classmethod
    def of(cls, table: ImportanceTable) -> Ranking:
        """Return what a table says over all inputs."""
        scores = {name: table.of()[part] for name, part in table.layers.slices.items()}
        return cls(scores, table.layers.names[-1], table.method)


def read_ranking(path: Path, layers: Sequence[str]) -> Ranking:
    """Return the importance in a file, told apart by its suffix.

    Args:
        path: ``.parquet``; ``.csv`` with LayerName, NeuronIndex and Score of every layer but the
            last; or ``.json`` of one layer, named ``NAME_LAYER.json`` or ``LAYER_CLASS.json``.
        layers: names of those that are looked at.

    Raises:
        ImprintError: the file is damaged, or the name of a JSON file tells no layer.
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
            f"{path}: its name tells no layer that is looked at ({', '.join(layers)}): name it "
            "LAYER_CLASS.json"
        )
    return max(fitting, key=len)
