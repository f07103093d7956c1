"""The records that networks are retrained on, and the queries beside them: images or arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.core.seeds import generator
from imprint.data.axis_order import LAST, channel_order
from imprint.data.choice import open_choice
from imprint.data.files import usable_indices
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.leave_one_out.findings import FittedData
from imprint.lenses.leave_one_out.retraining_options import RetrainingChoice, RetrainingOptions
from imprint.lenses.leave_one_out.study.composition import kept_classes
from imprint.lenses.leave_one_out.study.inputs import RecordArrays
from imprint.lenses.leave_one_out.truth.paired_auc import fewest_starts
from imprint.study.array_file import read_array_file
from imprint.study.option_types import AUTO
from imprint.study.options import DataChoice

OF_IMAGES = ("scaling", "input_size")
"""Options of how images become inputs."""


@dataclass(frozen=True, eq=False)
class RetrainedData:
    """Records, then queries.

    Attributes:
        index: int64 ``[N]``, images of the set, or rows of ``x`` and then of ``queries``.
        inputs: float64 ``[N, d]``, or ``[N, C, S, S]`` for networks of images.
        labels: int64 ``[N]``, positions in ``classes``.
        classes: names of all classes.
        records: n, how many of them are trained on.
        facts: about the data.
    """

    index: IntArray
    inputs: Tensor
    labels: IntArray
    classes: tuple[str, ...]
    records: int
    facts: FittedData


def read_retrained_data(options: RetrainingOptions) -> RetrainedData:
    """Return records and queries; check first how many networks are trained.

    Raises:
        ImprintError: data or options that cannot be used.
    """
    if options.arrays is None:
        if options.channels is not None:
            raise ImprintError("--channels applies to --arrays, not to images: leave it out")
        return _from_images(options)
    _refuse_options_of_images(options)
    return _from_arrays(options, options.arrays)


def check_retraining(options: RetrainingOptions, classes: int) -> None:
    """Check how many networks are trained, and noise variances, before any training.

    Args:
        options: to check.
        classes: of the records that are kept.

    Raises:
        ImprintError: options that do not fit one another.
    """
    if not options.noise:
        raise ImprintError("--noise is empty: give a variance, such as 0.05")
    if options.noise[0] == AUTO:
        raise ImprintError(
            "--noise begins with auto, and the page judges by the first: name a variance before it"
        )
    if options.removed > options.records:
        raise ImprintError(
            f"--removed {options.removed} is more than the {options.records} records: remove fewer"
        )
    fewest = fewest_starts(classes)
    if options.pairs < fewest:
        raise ImprintError(
            f"--pairs {options.pairs}: logits of {classes} classes need {fewest} or more"
        )


def _from_images(options: RetrainingOptions) -> RetrainedData:
    images = open_choice(options, options.seed)
    kept = kept_classes(images.classes, options.classes, images.name)
    if len(kept) < 2:
        raise ImprintError(f"{images.name} has {len(kept)} class, and networks need 2 or more")
    names = tuple(images.classes[place] for place in kept)
    check_retraining(options, len(names))
    index = _choose(images, kept, options)
    inputs = _scaled(View(images, index).read(options.input_size).pixels, options)
    facts = FittedData(
        images.name,
        len(names),
        names,
        options.records,
        images=len(images),
        queries=options.queries,
        fingerprint=images.fingerprint(),
    )
    if options.train.is_fully_connected:
        inputs = inputs.flatten(1)
    places = np.searchsorted(kept, images.labels[index]).astype(np.int64)
    return RetrainedData(index, inputs, places, names, options.records, facts)


def _from_arrays(options: RetrainingOptions, file: Path) -> RetrainedData:
    arrays = read_array_file(RecordArrays, file)
    x = _oriented(arrays.x, file, options)
    every = np.unique(arrays.y)
    every = every[kept_classes([str(each) for each in every.tolist()], options.classes, file.name)]
    count = len(every)
    if count < 2:
        raise ImprintError(f"{file}: y has {count} class, and networks need 2 or more")
    check_retraining(options, count)
    kept = np.flatnonzero(np.isin(arrays.y, every))
    held_out = options.queries if arrays.queries is None else 0
    records = min(options.records, len(kept) - held_out)
    if records < max(2, options.removed):
        raise ImprintError(
            f"{file}: {len(kept)} records of {count} classes, {held_out} of them held out as "
            f"queries, leave {max(0, records)} to train on and {options.removed} to remove: choose "
            "fewer, or give queries"
        )
    if records < options.records:
        log(f"{file.name}: {records} records to train on, fewer than --records {options.records}")
    order = generator(options.seed, "retrained records").permutation(len(kept))
    index = kept[order[: records + held_out]].astype(np.int64)
    inputs, labels = x[index], arrays.y[index]
    if arrays.queries is not None:
        queries, query_labels = _labelled_queries(arrays, file, every)
        queries = _oriented(queries, file, options, "queries")
        if queries.shape[1:] != x.shape[1:]:
            raise ImprintError(
                f"{file}: queries are of shape {list(queries.shape[1:])}, and the records of "
                f"{list(x.shape[1:])}: give inputs of one shape"
            )
        inputs, labels = np.concatenate([inputs, queries]), np.concatenate([labels, query_labels])
        index = np.concatenate([index, len(x) + np.arange(len(queries), dtype=np.int64)])
    names = tuple(str(each) for each in every.tolist())
    places = np.searchsorted(every, labels).astype(np.int64)
    axes = None
    if x.ndim == 4:
        axes = "{} × {} × {}, channels first".format(*x.shape[1:])
    facts = FittedData(file.stem, count, names, records, queries=len(index) - records, axes=axes)
    return RetrainedData(index, torch.from_numpy(inputs), places, names, records, facts)


def _labelled_queries(
    arrays: RecordArrays, file: Path, classes: IntArray
) -> tuple[np.ndarray, IntArray]:
    """Return the queries and their classes, which networks and estimates are asked about."""
    assert arrays.queries is not None
    if arrays.query_labels is None:
        raise ImprintError(
            f"{file}: queries have no classes, which influence is about: give query_labels"
        )
    unknown = np.flatnonzero(~np.isin(arrays.query_labels, classes))
    if len(unknown):
        row = int(unknown[0])
        raise ImprintError(
            f"{file}: query_labels[{row}] is {arrays.query_labels[row]}, not one of the "
            f"{len(classes)} classes that are trained on"
        )
    return arrays.queries, arrays.query_labels


def _oriented(
    values: np.ndarray, file: Path, options: RetrainingOptions, name: str = "x"
) -> np.ndarray:
    """Return inputs as rows of numbers, or as square images with their channels first."""
    if options.train.is_fully_connected:
        if options.channels is not None:
            raise ImprintError(
                "--channels applies to networks of images, and fully connected ones take rows of "
                "numbers: leave it out"
            )
        return values.reshape(len(values), -1)
    if values.ndim != 4:
        raise ImprintError(
            f"{file}: {name} has shape {list(values.shape)}, and {options.train.architecture} "
            "takes images: save them as [n, C, S, S] or [n, S, S, C]"
        )
    order = options.channels or channel_order(values.shape)
    if order is None:
        raise ImprintError(
            f"{file}: {name} has shape {list(values.shape)}, whose channels may be first or last: "
            "give --channels first or --channels last"
        )
    first = np.ascontiguousarray(values.transpose(0, 3, 1, 2)) if order == LAST else values
    if first.shape[2] != first.shape[3]:
        raise ImprintError(
            f"{file}: images of {name} are {first.shape[2]} × {first.shape[3]} pixels: networks "
            "take square ones"
        )
    return first


def _refuse_options_of_images(options: RetrainingOptions) -> None:
    """Refuse options of images that were set beside arrays, where they would be ignored."""
    usual = {**vars(DataChoice()), **{name: getattr(RetrainingChoice, name) for name in OF_IMAGES}}
    for name, value in usual.items():
        if getattr(options, name) != value:
            flag = "--" + name.replace("_", "-")
            raise ImprintError(f"{flag} applies to images, not to --arrays: leave it out")


def _choose(images: ImageSet, kept: IntArray, options: RetrainingOptions) -> IntArray:
    usable = usable_indices(images)
    known = usable[np.isin(images.labels[usable], kept)]
    wanted = options.records + options.queries
    if wanted > len(known):
        raise ImprintError(
            f"{options.records} records and {options.queries} queries are more than the "
            f"{len(known)} images of {images.name}: choose fewer"
        )
    order = generator(options.seed, "retrained records").permutation(len(known))
    return known[order[:wanted]].astype(np.int64)


def _scaled(pixels: np.ndarray, options: RetrainingOptions) -> Tensor:
    values = torch.from_numpy(pixels).double() / 255
    if options.scaling == "standardised":
        fitted = values[: options.records]
        mean = fitted.mean((0, 2, 3), keepdim=True)
        std = fitted.std((0, 2, 3), correction=0, keepdim=True)
        if not (std > 0).all():
            raise ImprintError("a channel is the same in all images: choose --scaling unit")
        values = (values - mean) / std
    return values
