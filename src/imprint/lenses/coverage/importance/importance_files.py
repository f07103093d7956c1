"""Importance tables as files: Parquet, and the JSON and vote CSV of Torch4DeepImportance.

The Parquet table has one row per class and neuron: ``index`` (within the layer), ``layer``,
``class`` (−1 for all inputs), ``score``, ``n_inputs``, and how the scores were made, the same in
every row: ``method``, ``target``, ``reduce``, ``sign``, ``scaling``, ``model`` and ``data``, two
hashes, and ``facts``, all else as JSON. The layers are in the order of the network.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.durable import replacing
from imprint.core.errors import ImprintError
from imprint.neurons.activations import Layers
from imprint.neurons.importance import ALL_CLASSES, ImportanceTable
from imprint.reading.regular import read_text
from imprint.study.hashing import hash_json
from imprint.study.json_io import read_json, write_json
from imprint.study.tables import Table, read_table, write_table

SAME = ("method", "target", "reduce", "sign", "scaling")
COLUMNS = ("index", "layer", "class", "score", "n_inputs", "kind", "positions", *SAME, "facts")
MAX_LAYER_BYTES = 1 << 29
VOTE_HEADER = ["LayerName", "NeuronIndex", "Score"]


def write_importance(path: Path, table: ImportanceTable) -> None:
    """Write a table as Parquet, whole or not at all."""
    rows, layers = len(table.counts), table.layers
    labels = np.append(np.arange(table.classes), ALL_CLASSES)
    widths = np.array(layers.widths)

    def of_neuron(values: Any) -> Any:
        return np.tile(np.repeat(np.array(values), widths), rows)

    def same(value: str) -> Any:
        return np.full(rows * layers.neurons, value)

    index = np.concatenate([np.arange(width) for width in layers.widths])
    facts = dict(table.facts)
    write_table(
        path,
        {
            "index": np.tile(index, rows),
            "layer": of_neuron(layers.names),
            "class": np.repeat(labels, layers.neurons),
            "score": table.scores.ravel(),
            "n_inputs": np.repeat(table.counts, layers.neurons),
            "kind": of_neuron(layers.kinds or [""] * len(widths)),
            "positions": of_neuron(table.positions),
            **{name: same(getattr(table, name)) for name in SAME},
            "model": same(str(facts.get("weights", ""))),
            "data": same(hash_json([facts.get("images"), facts.get("indices")])),
            "facts": same(json.dumps(facts, sort_keys=True)),
        },
    )


def read_importance(path: Path) -> ImportanceTable:
    """Return the table in a Parquet file.

    Raises:
        ImprintError: no such file, or not one that :func:`write_importance` wrote.
    """
    columns = read_table(path)
    missing = [name for name in COLUMNS if name not in columns]
    if missing:
        raise ImprintError(f"{path} is not a table of importance: it has no column {missing[0]!r}")
    try:
        return _importance_from(columns)
    except (IndexError, OverflowError, TypeError, ValueError) as error:
        raise ImprintError(f"{path} is damaged ({error}): write it again") from error


def _importance_from(columns: Table) -> ImportanceTable:
    """Return the importance in the columns of a file.

    Raises:
        ValueError: they do not fit one another, or, like other errors, hold something else.
    """
    labels = columns["class"]
    first = labels == labels[:1]
    names = columns["layer"][first]
    _, starts, widths = np.unique(names, return_index=True, return_counts=True)
    order = np.argsort(starts)
    starts, widths = starts[order], widths[order]
    neurons = int(first.sum())
    if not neurons or len(labels) % neurons or labels[-1] != ALL_CLASSES:
        raise ValueError("not every class has all neurons")
    kinds = columns["kind"][first][starts]
    return ImportanceTable(
        layers=Layers(
            tuple(map(str, names[starts])),
            tuple(map(int, widths)),
            tuple(map(str, kinds)) if any(kinds) else (),
        ),
        scores=columns["score"].astype(np.float64).reshape(-1, neurons),
        counts=columns["n_inputs"].astype(np.int64)[::neurons],
        positions=tuple(map(int, columns["positions"][first][starts])),
        facts=dict(json.loads(columns["facts"][0])),
        **{name: str(columns[name][0]) for name in SAME},  # type: ignore[arg-type]
    )


@dataclass(frozen=True, eq=False)
class LayerImportance:
    """What the old JSON holds: one layer for one class.

    Attributes:
        class_label: as written.
        scores: float64 ``[samples, units]``.
        mean: float64 ``[units]``.
    """

    class_label: str | int
    scores: FloatArray
    mean: FloatArray


def write_layer_json(path: Path, class_label: str | int, scores: FloatArray) -> None:
    """Write the scores of one layer, ``[samples, units]``, in the shape of the old JSON."""
    write_json(
        path,
        {
            "class_label": class_label,
            "importance_scores": scores.tolist(),
            "mean_importance": scores.mean(axis=0).tolist(),
        },
    )


def read_layer_json(path: Path) -> LayerImportance:
    """Return the scores in a file of the old JSON; places of a channel are added up.

    Raises:
        ImprintError: no such file, or other keys or shapes.
    """
    try:
        content = read_json(path, MAX_LAYER_BYTES)
    except FileNotFoundError:
        raise ImprintError(f"no importance at {path}") from None
    try:
        scores = np.asarray(content["importance_scores"], dtype=np.float64)
        mean = np.asarray(content["mean_importance"], dtype=np.float64)
        label = content["class_label"]
    except (KeyError, TypeError, ValueError) as error:
        raise ImprintError(
            f"{path} is not the importance of a layer ({error}): it needs class_label, "
            "importance_scores and mean_importance"
        ) from error
    if scores.ndim < 2 or mean.shape != scores.shape[1:]:
        raise ImprintError(
            f"{path}: importance_scores {list(scores.shape)} and mean_importance "
            f"{list(mean.shape)} do not belong together"
        )
    places = tuple(range(2, scores.ndim))
    return LayerImportance(
        label, scores.sum(axis=places), mean.sum(axis=tuple(range(1, mean.ndim)))
    )


def write_votes(
    path: Path, layers: Layers, votes: IntArray | FloatArray, last: bool = False
) -> None:
    """Write votes or scores of every neuron as CSV, ended by CRLF.

    Args:
        path: the file.
        layers: of the network.
        votes: ``[neurons]``.
        last: whether those of the last layer are among them; published tables leave them out.
    """
    text = io.StringIO(newline="")
    lines = csv.writer(text)
    lines.writerow(VOTE_HEADER)
    for name, part in list(layers.slices.items())[: None if last else -1]:
        lines.writerows([name, row, vote] for row, vote in enumerate(votes[part].tolist()))
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), newline="", encoding="utf-8")


def read_votes(path: Path) -> dict[str, FloatArray]:
    """Return the votes of each layer, float64 ``[width]``, in the order of the file.

    Raises:
        ImprintError: no such file, another header, or lines that are damaged.
    """
    try:
        lines = list(csv.reader(read_text(path).splitlines()))
    except OSError as error:
        raise ImprintError(f"cannot read the votes {path}: {error.strerror}") from error
    except csv.Error as error:
        raise ImprintError(f"{path} is not a table of votes ({error}): write it again") from error
    if not lines or lines[0] != VOTE_HEADER:
        raise ImprintError(
            f"{path} is not a table of votes: it must start with LayerName,NeuronIndex,Score"
        )
    if not lines[1:]:
        raise ImprintError(f"{path} has no votes: give a table with a line for every neuron")
    votes: dict[str, dict[int, float]] = {}
    for number, line in enumerate(lines[1:], start=2):
        try:
            name, row, score = line
            neurons = votes.setdefault(name, {})
            if int(row) in neurons:
                raise ValueError(f"neuron {row} of {name} is duplicated")
            neurons[int(row)] = float(score)
            if not math.isfinite(neurons[int(row)]):
                raise ValueError(f"the score {score} is not finite")
        except ValueError as error:
            raise ImprintError(f"{path}, line {number}: {error}") from error
    return {name: _dense(path, name, neurons) for name, neurons in votes.items()}


def _dense(path: Path, name: str, neurons: Mapping[int, float]) -> FloatArray:
    if sorted(neurons) != list(range(len(neurons))):
        raise ImprintError(f"{path}: neurons of {name} are missing; every one needs a line")
    return np.array([neurons[row] for row in range(len(neurons))])
