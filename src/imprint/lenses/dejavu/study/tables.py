"""Attack with every pair of checkpoints, and write what comes out as tables and findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from imprint.core.arrays import FloatArray, IntArray
from imprint.lenses.dejavu.memorization.attack import Attacked, Metric
from imprint.lenses.dejavu.memorization.controls import (
    identical_models,
    permuted_labels,
    untrained_models,
)
from imprint.lenses.dejavu.memorization.legacy import legacy_arrays
from imprint.lenses.dejavu.memorization.two_model import (
    Side,
    accuracy_curve,
    categories,
    memorization_strength,
    per_class,
    plain_findings,
    significance,
    two_model,
)
from imprint.lenses.dejavu.study.guess import SIDES, guess
from imprint.stats import Estimate
from imprint.study.json_io import write_json
from imprint.study.options import DejavuChoice
from imprint.study.tables import Table, read_table, write_table

CURVE_PERCENTS = np.arange(10.0, 101.0)
SHOWN_NEIGHBOURS = 5


@dataclass(frozen=True)
class Crops:
    """The attacked crops and what is known of them.

    Attributes:
        embeddings: folder of ``MODEL.public.parquet`` and ``MODEL.crops.parquet``.
        index: int64 ``[n]``, global indices, all of A before all of B.
        side: int64 ``[n]``, 0 for A and 1 for B.
        seen_px: float64 ``[n]``, side of the square that was seen, in pixels of the image.
        labels: int64, classes by global index.
        classes: number of classes.
        choice: how neighbours vote.
    """

    embeddings: Path
    index: IntArray
    side: IntArray
    seen_px: FloatArray
    labels: IntArray
    classes: int
    choice: DejavuChoice


@dataclass(frozen=True)
class Pair:
    """Both directions of the test under one pair of models.

    Attributes:
        sides: A's images, then B's.
        target_neighbours: int64 ``[n, k]``, global indices of public images, in the crops' order.
        reference_neighbours: the same under the reference model.
    """

    sides: tuple[Side, Side]
    target_neighbours: IntArray
    reference_neighbours: IntArray


def write_tables(folder: Path, crops: Crops, epochs: int, controls: bool, seed: int) -> None:
    """Attack with the last checkpoints, the snapshots and the untrained networks.

    Writes ``findings.json`` and the tables ``records``, ``curve``, ``classes`` and, with
    snapshots, ``epochs``.

    Args:
        folder: made here.
        crops: what to attack.
        epochs: of the last checkpoints.
        controls: whether untrained networks were embedded as well.
        seed: of bootstrap and shuffles.
    """
    folder.mkdir(exist_ok=True)
    pair = _attack_pair(crops, "")
    found = two_model(pair.sides, crops.choice.confidence, crops.choice.top, seed)
    findings: dict[str, Any] = {
        "two_model": plain_findings(found),
        "significance": significance(pair.sides, crops.choice.top),
    }
    if crops.classes > 5 and crops.choice.top == 1:
        top5 = two_model(pair.sides, crops.choice.confidence, top=5, seed=seed)
        findings["two_model_top5"] = plain_findings(top5)
    if crops.choice.decision == "neighbours":
        findings["two_model_other_metric"] = plain_findings(_other_metric(crops, seed))
    if controls:
        findings["controls"] = _controls(crops, pair, seed)
    write_json(folder / "findings.json", findings)
    write_table(folder / "records.parquet", _records(crops, pair))
    write_table(folder / "curve.parquet", _curve(pair.sides, crops.choice.top))
    classes = per_class(pair.sides, crops.classes, crops.choice.top)
    write_table(folder / "classes.parquet", {"index": np.arange(crops.classes), **classes})
    snapshots = _snapshots(crops.embeddings)
    if snapshots:
        pairs = {epoch: _attack_pair(crops, f"@{epoch}") for epoch in snapshots}
        write_table(
            folder / "epochs.parquet", _epochs({**pairs, epochs: pair}, crops.choice.top, seed)
        )


def write_legacy(folder: Path, crops: Crops) -> None:
    """Write the arrays of the original release: every model attacking every set."""
    folder.mkdir(exist_ok=True)
    labels = crops.labels[crops.index]
    for model in SIDES:
        attacked = _attack_with(crops, model)
        for row, name in enumerate(SIDES):
            arrays = legacy_arrays(
                attacked, crops.side == row, crops.index, labels, f"{model}_attk_{name}"
            )
            for stem, array in arrays.items():
                np.save(folder / f"{stem}.npy", array)


def _attack_pair(crops: Crops, suffix: str) -> Pair:
    guesses = {model: _attack_with(crops, model + suffix) for model in SIDES}
    sides, targets, references = [], [], []
    for row, name in enumerate(SIDES):
        mine = crops.side == row
        target, reference = guesses[name], guesses[SIDES[1 - row]]
        index = crops.index[mine]
        votes = target.votes.rows(mine), reference.votes.rows(mine)
        sides.append(Side(name, index, crops.labels[index], *votes))
        targets.append(target.neighbours[mine])
        references.append(reference.neighbours[mine])
    return Pair((sides[0], sides[1]), np.concatenate(targets), np.concatenate(references))


def _attack_with(crops: Crops, model: str) -> Attacked:
    layer = crops.choice.layer
    public = read_table(crops.embeddings / f"{model}.public.parquet")
    attacked = read_table(crops.embeddings / f"{model}.crops.parquet")
    return guess(
        attacked[layer],
        public[layer],
        public["index"],
        crops.labels,
        crops.classes,
        crops.choice,
        crops.choice.device,
    )


def _other_metric(crops: Crops, seed: int) -> dict[str, dict[str, Estimate]]:
    """Return the test under the other distance: its choice must not carry the finding."""
    metric: Metric = "cosine" if crops.choice.metric == "l2" else "l2"
    other = replace(crops, choice=replace(crops.choice, metric=metric))
    sides = _attack_pair(other, "").sides
    return two_model(sides, crops.choice.confidence, crops.choice.top, seed)


def _controls(crops: Crops, pair: Pair, seed: int) -> dict[str, Any]:
    untrained = _attack_pair(crops, "@untrained").sides
    top = crops.choice.top
    controls = {
        "untrained": untrained_models(untrained, top, seed),
        "identical": identical_models(pair.sides, top, seed),
    }
    if crops.choice.decision == "neighbours":
        voting = pair.target_neighbours[:, : crops.choice.voting or None]
        labels = crops.labels[crops.index]
        controls["permuted"] = permuted_labels(voting, crops.labels, labels, crops.classes, seed)
    return {name: control.to_dict() for name, control in controls.items()}


def _snapshots(embeddings: Path) -> list[int]:
    files = embeddings.glob("A@[0-9]*.public.parquet")
    return sorted(int(file.name.split(".")[0].removeprefix("A@")) for file in files)


def _epochs(pairs: Mapping[int, Pair], top: int, seed: int) -> Table:
    """Return one row a checkpoint: what the test finds over all images."""
    found = [two_model(pair.sides, (100,), top, seed)["100"] for pair in pairs.values()]
    names = ("target_accuracy", "reference_accuracy", "memorized", "forgotten", "correlated")
    return {
        "index": np.array(list(pairs), dtype=np.int64),
        "score": np.array([row["score"].value for row in found]),
        "score_low": np.array([row["score"].ci95[0] for row in found]),
        "score_high": np.array([row["score"].ci95[1] for row in found]),
        **{name: np.array([row[name].value for row in found]) for name in names},
    }


def _records(crops: Crops, pair: Pair) -> Table:
    """Return one row an attacked image, A's before B's."""
    sides = pair.sides
    return {
        "index": crops.index,
        "side": crops.side,
        "seen_px": crops.seen_px,
        "label": np.concatenate([side.labels for side in sides]),
        "category": np.concatenate(
            [categories(side, crops.choice.top).argmax(axis=1) for side in sides]
        ),
        "target_prediction": np.concatenate([side.target.ranked[:, 0] for side in sides]),
        "target_confidence": np.concatenate([side.target.confidence for side in sides]),
        "reference_prediction": np.concatenate([side.reference.ranked[:, 0] for side in sides]),
        "reference_confidence": np.concatenate([side.reference.confidence for side in sides]),
        "memorization": np.concatenate([memorization_strength(side) for side in sides]),
        "target_neighbours": pair.target_neighbours[:, :SHOWN_NEIGHBOURS],
        "reference_neighbours": pair.reference_neighbours[:, :SHOWN_NEIGHBOURS],
    }


def _curve(sides: Sequence[Side], top: int) -> Table:
    """Return accuracy against confidence, the mean of both directions."""
    target = [accuracy_curve(side.target, side.labels, CURVE_PERCENTS, top) for side in sides]
    reference = [accuracy_curve(side.reference, side.labels, CURVE_PERCENTS, top) for side in sides]
    return {
        "index": np.arange(len(CURVE_PERCENTS)),
        "percent": CURVE_PERCENTS,
        "target_accuracy": np.mean(target, axis=0),
        "reference_accuracy": np.mean(reference, axis=0),
    }
