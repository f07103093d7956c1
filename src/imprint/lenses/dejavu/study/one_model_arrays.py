"""The one-model test on arrays that the user computed elsewhere."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from imprint import __version__
from imprint.core.errors import ImprintError
from imprint.data.index_list import read_index_list
from imprint.lenses.dejavu.memorization.attack import attack
from imprint.lenses.dejavu.memorization.references import log_probabilities
from imprint.lenses.dejavu.study.arrays import check_shapes, rows
from imprint.lenses.dejavu.study.one_model_findings import Judged, find, write_found
from imprint.lenses.dejavu.study.one_model_options import OneModelOptions
from imprint.study.json_io import write_json
from imprint.study.npz import Arrays, flags, read_npz

REQUIRED = ("public", "public_labels", "crops_target", "labels", "reference_probs")
PROBABILITIES = "reference_probs"
READ = ("arrays", "out", "k", "voting", "metric", "confidence", "top", "calibrate", "exclude")
READ_OF_EVERY_COMMAND = ("seed", "device", "json")
ONLY = "reference"
"""What ``reference_probs`` alone is called; ``reference_probs_NAME`` is NAME."""


def _refuse_options_of_networks(options: OneModelOptions) -> None:
    """Refuse options that were set, but say something about a network, images or references."""
    for field in dataclasses.fields(options):
        if field.name in (*READ, *READ_OF_EVERY_COMMAND):
            continue
        default = (
            field.default_factory()
            if field.default_factory is not dataclasses.MISSING
            else field.default
        )
        if getattr(options, field.name) != default:
            flag = "--" + field.name.replace("_", "-")
            raise ImprintError(f"{flag} needs a network: with --arrays, leave it out")


def one_model_arrays(file: Path, options: OneModelOptions) -> dict[str, Any]:
    """Run the test; write ``summary.json`` and tables in ``dejavu/one_model/``.

    Args:
        file: ``.npz`` with ``public [M, d]``, ``public_labels [M]``, ``crops_target [N, d]``,
            ``labels [N]`` and ``reference_probs [N, C]``, of references that were not trained on
            the crops; optionally further ``reference_probs_NAME [N, C]``, ``index [N]`` and
            ``seen [N]``, 0 for crops of images the network was not trained on.
        options: how neighbours vote, what is excluded, where results go.

    Raises:
        ImprintError: a key is missing or unknown, shapes do not fit, or rows that are not
            distributions over the classes.
    """
    _refuse_options_of_networks(options)
    arrays = read_npz(file, REQUIRED, ("index", "seen"), PROBABILITIES + "_")
    _check(file, arrays)
    labels = arrays["labels"].astype(np.int64)
    public_labels = arrays["public_labels"].astype(np.int64)
    references = {
        key.removeprefix(PROBABILITIES).removeprefix("_") or ONLY: log_probabilities(
            array, f"{file}: {key}"
        )
        for key, array in arrays.items()
        if key.startswith(PROBABILITIES)
    }
    classes = references[ONLY].shape[1]
    if max(labels.max(), public_labels.max()) >= classes:
        raise ImprintError(
            f"{file}: labels run to {max(labels.max(), public_labels.max())}, but "
            f"{PROBABILITIES} has {classes} classes"
        )
    votes = attack(
        arrays["crops_target"].astype(np.float32),
        arrays["public"].astype(np.float32),
        np.arange(len(public_labels)),
        public_labels,
        classes,
        options.k,
        options.voting or None,
        options.metric,
        options.device,
    ).votes
    index = arrays.get("index", np.arange(len(labels))).astype(np.int64)
    seen = flags(file, "seen", arrays.get("seen", np.ones(len(labels))))
    if not seen.any():
        raise ImprintError(f"{file}: no crop is marked as seen, so there is nothing to attack")
    exclude = None if options.exclude is None else read_index_list(options.exclude)
    judged = Judged(index, labels, seen, votes, references, classes)
    found = find(judged, options.confidence, options.top, options.seed, options.calibrate, exclude)
    summary = {
        "imprint": __version__,
        "data": {
            "arrays": file.name,
            "attacked": int(seen.sum()),
            "unseen": int((~seen).sum()),
            "public": len(public_labels),
        },
        "settings": {
            name: getattr(options, name)
            for name in ("k", "voting", "metric", "top", "calibrate", "seed")
        },
        "lenses": {"dejavu": {"one_model": found.findings}},
    }
    folder = options.out / "dejavu" / "one_model"
    write_found(folder, found, classes, options.top, {})
    write_json(options.out / "summary.json", summary)
    return summary


def _check(file: Path, arrays: Arrays) -> None:
    public, crops = rows(arrays["public"]), rows(arrays["labels"])
    width = arrays["public"].shape[-1] if arrays["public"].ndim else 0
    given = arrays[PROBABILITIES]
    classes = given.shape[-1] if given.ndim else 0
    expected: dict[str, tuple[int, ...]] = {
        "public": (public, width),
        "public_labels": (public,),
        "crops_target": (crops, width),
        **dict.fromkeys(("labels", "index", "seen"), (crops,)),
        **{key: (crops, classes) for key in arrays if key.startswith(PROBABILITIES)},
    }
    # Flags may be bool, which are no numbers.
    seen = {"seen": flags(file, "seen", arrays["seen"])} if "seen" in arrays else {}
    check_shapes(
        file, arrays | {key: each.astype(np.int64) for key, each in seen.items()}, expected
    )
