"""Both tests on arrays that the user computed elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import BoolArray, FloatArray, IntArray
from imprint.core.device import DeviceName
from imprint.core.errors import ImprintError
from imprint.core.progress import warn
from imprint.data.index_list import read_index_list
from imprint.lenses.dejavu.findings import TwoModelFindings
from imprint.lenses.dejavu.memorization.attack import attack
from imprint.lenses.dejavu.memorization.one_model import AttackedCrops, one_model
from imprint.lenses.dejavu.memorization.references import log_probabilities
from imprint.lenses.dejavu.memorization.slices import SlicedImages, score_slices
from imprint.lenses.dejavu.memorization.two_model import (
    Side,
    outcomes_of,
    records,
    significance,
    top5_test,
    two_model,
)
from imprint.lenses.dejavu.memorization.votes import ClassVotes
from imprint.lenses.dejavu.options import ArraysOptions, OneModelOptions, VoteChoice
from imprint.lenses.dejavu.study.one_model_tables import write_one_model_tables
from imprint.report.summary import new_summary
from imprint.study.array_file import array, arrays_from, read_any_npz, read_array_file
from imprint.study.finding import to_json
from imprint.study.json_io import write_json
from imprint.study.plain import JsonObject
from imprint.study.tables import write_table

ONLY = "reference"
"""Name of the reference in ``reference_probs``; that in ``reference_probs_NAME`` is NAME."""
SEEN_PX = "side of the square of the original that the model sees of each crop, in pixels"
OF_ARRAYS = (
    *("arrays", "out", "k", "voting", "metric", "top_percent", "top_classes", "calibrate"),
    *("exclude_images", "seed", "device", "json"),
)
"""Options of the one-model test that apply to arrays."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TwoModelArrays:
    """The arrays of a two-model test in one direction."""

    public: FloatArray = array("M d", "embeddings of public images", dtype="float32")
    public_labels: IntArray = array("M", "their classes", kind="label")
    labels: IntArray = array("N", "classes of the attacked images", kind="label")
    crops_target: FloatArray = array(
        "N d", "embeddings of their background crops under the target model", dtype="float32"
    )
    public_reference: FloatArray = array(
        "M e",
        "embeddings of public images under the reference model, where they differ",
        dtype="float32",
        default="public",
    )
    crops_reference: FloatArray = array(
        "N e", "embeddings of the crops under the reference model", dtype="float32"
    )
    index: IntArray | None = array("N", "indices of the images", kind="label", optional=True)
    seen_px: FloatArray | None = array("N", SEEN_PX, largest=1e9, optional=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class OneModelArrays:
    """The arrays of a one-model test."""

    public: FloatArray = array("M d", "embeddings of public images", dtype="float32")
    public_labels: IntArray = array("M", "their classes", kind="label")
    labels: IntArray = array("N", "classes of the attacked images", kind="label")
    crops_target: FloatArray = array("N d", "embeddings of their background crops", dtype="float32")
    reference_probs: FloatArray = array(
        "N C", "class probabilities of a reference that was not trained on these crops"
    )
    further: Mapping[str, FloatArray] = array(
        "N C", "those of another reference, NAME", name="reference_probs_*", optional=True
    )
    index: IntArray | None = array("N", "indices of the images", kind="label", optional=True)
    members: BoolArray | None = array(
        "N", "whether the model was trained on the image", kind="flag", optional=True
    )
    seen_px: FloatArray | None = array("N", SEEN_PX, largest=1e9, optional=True)


def attack_arrays(options: ArraysOptions) -> JsonObject:
    """Run the two-model test in one direction; write summary and ``dejavu/records.parquet``.

    Raises:
        ImprintError: an array is missing or does not fit, k exceeds the public images, or this
            machine lacks the device.
    """
    arrays = read_array_file(TwoModelArrays, options.arrays)
    side = guess_both(arrays, options, options.device)
    top = options.top_classes
    findings = two_model_findings(arrays, side, options, options.seed)
    settings = {
        "k": options.k,
        "voting": options.voting,
        "metric": options.metric,
        "top_classes": options.top_classes,
        "seed": options.seed,
    }
    facts = {
        "arrays": options.arrays.name,
        "attacked": len(arrays.labels),
        "public": len(arrays.public_labels),
    }
    summary = new_summary(facts, {"dejavu": to_json(findings)}, settings)
    table = {"index": side.index, **records([side], top)}
    write_table(options.out / "dejavu" / "records.parquet", table)
    write_json(options.out / "summary.json", summary)
    return summary


def two_model_findings(
    arrays: TwoModelArrays, side: Side, choice: VoteChoice, seed: int
) -> TwoModelFindings:
    """Return the two-model test in one direction."""
    percents, top = choice.top_percent, choice.top_classes
    sliced = SlicedImages.of([outcomes_of(side, top)], side.labels, arrays.seen_px)
    return TwoModelFindings(
        two_model=two_model([side], percents, top, seed),
        significance=significance([side], top),
        two_model_top5=top5_test([side], _count_classes(arrays), percents, top, seed),
        slices=score_slices(sliced, _count_classes(arrays), seed),
    )


def guess_both(arrays: TwoModelArrays, choice: VoteChoice, device: DeviceName) -> Side:
    """Return the guesses of target and reference model.

    Raises:
        ImprintError: k exceeds the public images, or this machine lacks the device.
    """
    classes = _count_classes(arrays)
    pairs = (
        (arrays.crops_target, arrays.public),
        (arrays.crops_reference, arrays.public_reference),
    )
    target, reference = (
        _vote(crops, public, arrays.public_labels, classes, choice, device)
        for crops, public in pairs
    )
    index = np.arange(len(arrays.labels)) if arrays.index is None else arrays.index
    return Side("target", index, arrays.labels, target, reference)


def _count_classes(arrays: TwoModelArrays) -> int:
    return int(max(arrays.labels.max(), arrays.public_labels.max())) + 1


def _vote(
    crops: NDArray[Any],
    public: NDArray[Any],
    public_labels: IntArray,
    classes: int,
    choice: VoteChoice,
    device: DeviceName,
) -> ClassVotes:
    voters, voting = np.arange(len(public_labels)), choice.voting or None
    return attack(
        crops, public, voters, public_labels, classes, choice.k, voting, choice.metric, device
    ).votes


def one_model_arrays(file: Path, options: OneModelOptions) -> JsonObject:
    """Run the one-model test; write summary, and tables in ``dejavu/one_model/``.

    Raises:
        ImprintError: an array is missing or does not fit, rows that are not distributions over the
            classes, or options that need a network.
    """
    _refuse_options_of_networks(options)
    arrays = read_one_model_arrays(file)
    crops = attacked_crops(str(file), arrays, options, options.device)
    exclude = None if options.exclude_images is None else read_index_list(options.exclude_images)
    top = options.top_classes
    result = one_model(crops, options.top_percent, top, options.seed, options.calibrate, exclude)
    facts = {
        "arrays": file.name,
        "attacked_members": int(crops.members.sum()),
        "attacked_non_members": int((~crops.members).sum()),
        "public": len(arrays.public_labels),
    }
    names = ("k", "voting", "metric", "top_classes", "calibrate", "seed")
    settings = {name: getattr(options, name) for name in names}
    lens = {"dejavu": {"one_model": to_json(result.findings)}}
    summary = new_summary(facts, lens, settings)
    write_one_model_tables(options.out / "dejavu" / "one_model", result, crops.classes, top)
    write_json(options.out / "summary.json", summary)
    return summary


def read_one_model_arrays(file: Path) -> OneModelArrays:
    """Return the arrays of a file; ``seen`` is the old name of ``members``."""
    arrays = read_any_npz(file)
    if "seen" in arrays and "members" not in arrays:
        warn(f"{file}: array 'seen' is now 'members'; the old name goes in the next version")
        arrays["members"] = arrays.pop("seen")
    return arrays_from(OneModelArrays, arrays, str(file))


def attacked_crops(
    where: str,
    arrays: OneModelArrays,
    choice: VoteChoice,
    device: DeviceName,
    first: str = ONLY,
) -> AttackedCrops:
    """Return the guesses of the model beside the references.

    Args:
        where: what to call the arrays in errors.
        arrays: of the test.
        choice: how neighbours vote.
        device: where neighbours are searched.
        first: name of the reference in ``reference_probs``.

    Raises:
        ImprintError: labels beyond the classes of the references, rows that are no distributions,
            no member, or k exceeds the public images.
    """
    count, classes = arrays.reference_probs.shape
    highest = max(arrays.labels.max(), arrays.public_labels.max())
    if highest >= classes:
        raise ImprintError(
            f"{where}: labels run to {highest}, but reference_probs has {classes} classes"
        )
    members = np.ones(count, dtype=bool) if arrays.members is None else arrays.members
    if not members.any():
        raise ImprintError(f"{where}: no crop is of a member, so there is nothing to attack")
    probabilities = {"": arrays.reference_probs} | {
        f"_{name}": rows for name, rows in arrays.further.items()
    }
    votes = _vote(arrays.crops_target, arrays.public, arrays.public_labels, classes, choice, device)
    return AttackedCrops(
        np.arange(count) if arrays.index is None else arrays.index,
        arrays.labels,
        members,
        votes,
        {
            name.removeprefix("_") or first: log_probabilities(
                rows, f"{where}: reference_probs{name}"
            )
            for name, rows in probabilities.items()
        },
        classes,
        arrays.seen_px,
    )


def _refuse_options_of_networks(options: OneModelOptions) -> None:
    """Refuse options that were set, but concern a network, images or references."""
    for field in dataclasses.fields(options):
        if field.name in OF_ARRAYS:
            continue
        factory = field.default_factory
        default = factory() if factory is not dataclasses.MISSING else field.default
        if getattr(options, field.name) != default:
            flag = "--" + field.name.replace("_", "-")
            raise ImprintError(f"{flag} needs a network: with --arrays, leave it out")
