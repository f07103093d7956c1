"""The two-model test on arrays that the user computed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint import __version__
from imprint.core.device import DeviceName
from imprint.core.errors import ImprintError
from imprint.lenses.dejavu.memorization.attack import Metric, attack
from imprint.lenses.dejavu.memorization.two_model import (
    Side,
    categories,
    memorization_strength,
    plain_findings,
    significance,
    two_model,
)
from imprint.study.json_io import write_json
from imprint.study.npz import Arrays, check_numbers, read_npz
from imprint.study.tables import write_table

MATRICES = ("public", "crops_target", "crops_reference")
VECTORS = ("public_labels", "labels")
OPTIONAL = ("public_reference", "index")
AXES = {1: "1 axis, one value a row", 2: "2 axes, rows and columns"}


def attack_arrays(
    file: Path,
    out: Path,
    k: int = 100,
    metric: Metric = "l2",
    confidences: tuple[float, ...] = (100, 20),
    top: int = 1,
    seed: int = 0,
    voting: int = 0,
    device: DeviceName = "auto",
) -> dict[str, Any]:
    """Run the test in one direction; write ``summary.json`` and ``dejavu/records.parquet``.

    Args:
        file: ``.npz`` with ``public [M, d]``, ``public_labels [M]``, ``crops_target [N, d]``,
            ``crops_reference [N, d]``, ``labels [N]``; optionally ``index [N]``, and
            ``public_reference [M, d]`` when the reference model embeds the public images otherwise.
        out: folder for the results.
        k: public neighbours that are searched.
        metric: distance between embeddings.
        confidences: percentages in (0, 100].
        top: a guess is right when the label is among this many most voted classes.
        seed: of the bootstrap.
        voting: how many of the neighbours vote; 0 for all.
        device: where neighbours are searched.

    Raises:
        ImprintError: a key is missing, shapes do not fit, a value is not finite, more neighbours
            vote than are searched, or this machine lacks the device.
    """
    arrays = read_arrays(file)
    labels = arrays["labels"].astype(np.int64)
    public_labels = arrays["public_labels"].astype(np.int64)
    classes = int(max(labels.max(), public_labels.max())) + 1
    voters = np.arange(len(public_labels))
    public = arrays["public"]
    target, reference = (
        attack(crops, base, voters, public_labels, classes, k, voting or None, metric, device).votes
        for crops, base in (
            (arrays["crops_target"], public),
            (arrays["crops_reference"], arrays.get("public_reference", public)),
        )
    )
    index = arrays.get("index", np.arange(len(labels))).astype(np.int64)
    side = Side("target", index, labels, target, reference)
    summary = {
        "imprint": __version__,
        "data": {"arrays": file.name, "attacked": len(labels), "public": len(public_labels)},
        "settings": {"k": k, "voting": voting, "metric": metric, "top": top, "seed": seed},
        "lenses": {
            "dejavu": {
                "two_model": plain_findings(two_model([side], confidences, top, seed)),
                "significance": significance([side], top),
            }
        },
    }
    records = {
        "index": index,
        "label": labels,
        "category": categories(side, top).argmax(axis=1),
        "target_prediction": target.ranked[:, 0],
        "target_confidence": target.confidence,
        "reference_prediction": reference.ranked[:, 0],
        "reference_confidence": reference.confidence,
        "memorization": memorization_strength(side),
    }
    write_table(out / "dejavu" / "records.parquet", records)
    write_json(out / "summary.json", summary)
    return summary


def read_arrays(file: Path) -> Arrays:
    """Return the arrays of a file, checked against one another.

    Raises:
        ImprintError: no such file, not ``.npz``, a missing or unknown key, or shapes that do not
            fit; the message names the key.
    """
    arrays = read_npz(file, (*MATRICES, *VECTORS), OPTIONAL)
    _check_shapes(file, arrays)
    return {
        key: array.astype(np.float32) if array.ndim == 2 else array for key, array in arrays.items()
    }


def _check_shapes(file: Path, arrays: Arrays) -> None:
    public, crops = rows(arrays["public"]), rows(arrays["labels"])
    width = arrays["public"].shape[-1] if arrays["public"].ndim else 0
    expected: dict[str, tuple[int, ...]] = {
        "public": (public, width),
        "public_labels": (public,),
        "crops_target": (crops, width),
        "crops_reference": (crops, width),
        "labels": (crops,),
        "index": (crops,),
    }
    if "public_reference" in arrays:
        given = arrays["crops_reference"]
        its_width = given.shape[-1] if given.ndim else 0
        expected["crops_reference"] = (crops, its_width)
        expected["public_reference"] = (public, its_width)
    check_shapes(file, arrays, expected)


def check_shapes(file: Path, arrays: Arrays, expected: Mapping[str, tuple[int, ...]]) -> None:
    """Check that every array has its shape and holds finite numbers, and labels whole ones.

    Raises:
        ImprintError: one does not; the message names it.
    """
    for key, array in arrays.items():
        if array.ndim != len(expected[key]):
            raise ImprintError(
                f"{file}: {key} has shape {list(array.shape)}: it must have "
                f"{AXES[len(expected[key])]}"
            )
    for key, array in arrays.items():
        if array.shape != expected[key]:
            raise ImprintError(
                f"{file}: {key} has shape {list(array.shape)}, expected {list(expected[key])}"
            )
        check_numbers(file, key, array)
    for key in (*VECTORS, "index"):
        whole = arrays.get(key)
        if whole is None:
            continue
        if whole.size == 0:
            raise ImprintError(f"{file}: {key} is empty")
        if whole.min() < 0 or (whole != whole.astype(np.int64)).any():
            raise ImprintError(f"{file}: {key} must hold whole numbers from 0")


def rows(array: NDArray[Any]) -> int:
    """Return how many rows an array has, 0 of a single number."""
    return len(array) if array.ndim else 0
