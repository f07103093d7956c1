"""Attack every checkpoint of a sweep, from its embeddings; one row a point and epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imprint.data.imageset import ImageSet
from imprint.lenses.dejavu.memorization.two_model import QUANTITIES, Side, plain_findings, two_model
from imprint.lenses.dejavu.memorization.votes import Votes
from imprint.lenses.dejavu.study.guess import SIDES, guess
from imprint.lenses.dejavu.study.sweep_options import SweepOptions
from imprint.lenses.dejavu.study.sweep_points import Point
from imprint.lenses.dejavu.study.two_model_steps import AttackedSet
from imprint.study.hashing import hash_arrays
from imprint.study.json_io import read_json, write_json
from imprint.study.options import CropAttackChoice
from imprint.study.step_settings import card_settings
from imprint.study.store import Study
from imprint.study.tables import positions_of, read_table, write_table

FOLDER = "tables/dejavu_sweep"
NamesOfSets = Callable[[SweepOptions], tuple[str, str]]


def attack_points(
    study: Study,
    points: Sequence[Point],
    folders: Sequence[str],
    attacked: Sequence[AttackedSet],
    images: ImageSet,
    names_of_sets: NamesOfSets,
    probes: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the two-model test of every point at every snapshot, with its probes beside it.

    Writes ``points.parquet`` and ``findings.json`` into ``tables/dejavu_sweep``.

    Args:
        study: where ``tables/embeddings`` are.
        points: settings.
        folders: of each point's encoders.
        attacked: of each point.
        images: labels and classes.
        names_of_sets: of the public images and the crops of a point.
        probes: accuracies by folder and checkpoint; empty without.
    """

    def build(out: Path) -> None:
        rows = [
            row
            for point, folder, each in zip(points, folders, attacked, strict=True)
            for row in _attack_point(
                study.path("tables/embeddings"),
                point,
                folder,
                each,
                images,
                names_of_sets(point.options),
                probes.get(folder, {}),
            )
        ]
        out.mkdir()
        write_json(out / "findings.json", {"points": rows})
        _write_points(out / "points.parquet", rows)

    choice = [
        {
            "axis": point.axis,
            "value": point.value,
            **card_settings(point.options, CropAttackChoice),
            "sets": list(names_of_sets(point.options)),
            "attacked": hash_arrays(each.index, each.side),
        }
        for point, each in zip(points, attacked, strict=True)
    ]
    settings = {"points": choice, "probes": probes}
    found = study.step(FOLDER, settings, build, ("tables/embeddings",))
    return dict(read_json(found / "findings.json"))


def _attack_point(
    embeddings: Path,
    point: Point,
    folder: str,
    attacked: AttackedSet,
    images: ImageSet,
    sets: tuple[str, str],
    probes: Mapping[str, Any],
) -> list[dict[str, Any]]:
    choice = point.options
    rows = []
    for suffix, epoch in _checkpoints(embeddings / folder, sets[0], choice.train.last_epoch):
        guesses = {
            side: _guess(embeddings / folder, side + suffix, sets, choice, attacked, images)
            for side in SIDES
        }
        sides = _sides(guesses, attacked, images)
        row: dict[str, Any] = {
            "axis": point.axis,
            "value": point.value,
            "epoch": epoch,
            "last": not suffix,
            "top": choice.top,
            "two_model": plain_findings(
                two_model(sides, choice.confidence, choice.top, choice.seed)
            ),
        }
        if len(images.classes) > 5 and choice.top == 1:
            top5 = two_model(sides, choice.confidence, top=5, seed=choice.seed)
            row["two_model_top5"] = plain_findings(top5)
        if probes:
            row["linear_probe"] = {side: probes[side + suffix] for side in SIDES}
        rows.append(row)
    return rows


def _checkpoints(folder: Path, public: str, epochs: int) -> list[tuple[str, int]]:
    """Return the suffixes of all checkpoints of A and their epochs, in order."""
    files = folder.glob(f"A@*.{public}.parquet")
    snapshots = sorted(int(file.name.split(".")[0].removeprefix("A@")) for file in files)
    return [*((f"@{epoch}", epoch) for epoch in snapshots), ("", epochs)]


def _guess(
    folder: Path,
    model: str,
    sets: tuple[str, str],
    choice: SweepOptions,
    attacked: AttackedSet,
    images: ImageSet,
) -> Votes:
    public, crops = (read_table(folder / f"{model}.{title}.parquet") for title in sets)
    rows = crops[choice.layer][positions_of(crops["index"], attacked.index, model)]
    return guess(
        rows,
        public[choice.layer],
        public["index"],
        images.labels,
        len(images.classes),
        choice,
        choice.device,
    ).votes


def _sides(guesses: Mapping[str, Votes], attacked: AttackedSet, images: ImageSet) -> list[Side]:
    sides = []
    for row, name in enumerate(SIDES):
        mine = attacked.side == row
        index = attacked.index[mine]
        target, reference = guesses[name].rows(mine), guesses[SIDES[1 - row]].rows(mine)
        sides.append(Side(name, index, images.labels[index], target, reference))
    return sides


def _write_points(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a row a point, epoch, share of most confident images and top."""
    flat = [
        (row, percent, top, estimates)
        for row in rows
        for top, key in ((row["top"], "two_model"), (5, "two_model_top5"))
        for percent, estimates in row.get(key, {}).items()
    ]
    columns = {
        "index": np.arange(len(flat)),
        "axis": np.array([row["axis"] for row, *_ in flat]),
        "value": np.array([row["value"] for row, *_ in flat]),
        "epoch": np.array([row["epoch"] for row, *_ in flat]),
        "percent": np.array([float(percent) for _, percent, *_ in flat]),
        "top": np.array([top for *_, top, _ in flat]),
    }
    for name in QUANTITIES:
        columns[name] = np.array([each[name]["value"] for *_, each in flat])
        for place, end in enumerate(("low", "high")):
            columns[f"{name}_{end}"] = np.array([each[name]["ci95"][place] for *_, each in flat])
    for part in ("train", "held_out"):
        columns[f"probe_{part}"] = np.array([probe_accuracy(row, part) for row, *_ in flat])
    write_table(path, columns)


def probe_accuracy(row: Mapping[str, Any], part: str) -> float:
    """Return the mean top-1 accuracy of the probes on A and B; NaN without probes."""
    probes = row.get("linear_probe")
    if not probes:
        return float("nan")
    return float(np.mean([probes[side][part]["top1"] for side in SIDES]))
