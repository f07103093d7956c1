"""``leave-one-out retrain``: the ground truth, networks with and without single records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import IntArray
from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, generator
from imprint.data.choice import open_choice
from imprint.data.files import usable_indices
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.leave_one_out.kernels.choice import chosen_kernel
from imprint.lenses.leave_one_out.kernels.fc import FullyConnected
from imprint.lenses.leave_one_out.posterior.posterior import check_scale
from imprint.lenses.leave_one_out.study.truth.lines import (
    Lines,
    check_lines,
    chosen_lines,
    coordinates,
)
from imprint.lenses.leave_one_out.study.truth.retrain_options import (
    ComparisonOptions,
    RetrainingOptions,
)
from imprint.lenses.leave_one_out.truth.matching import (
    matched_kernel,
    tell_variances,
    typical_mean_square,
)
from imprint.lenses.leave_one_out.truth.paired_auc import fewest_starts
from imprint.nets.fully_connected import in_own_span
from imprint.probe.influence_kit.question import INFLUENCES
from imprint.study.store import Study
from imprint.train.cohort.network_stack import TrainingSet
from imprint.train.retraining import Logits, Retraining, retrain


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """What was retrained.

    Attributes:
        index: int64 ``[N]``, images of the set: the records, then the queries.
        inputs: float64 ``[N, d]``, as kernel and networks are to see them.
        kernel: whose options describe the networks.
        plan: of retraining.
        logits: of all networks.
        facts: about the images, as JSON values.
        lines: along which networks were asked as well; None without.
    """

    index: IntArray
    inputs: Tensor
    kernel: FullyConnected
    plan: Retraining
    logits: Logits
    facts: Mapping[str, Any]
    lines: Lines | None = None


def ground_truth(study: Study, options: RetrainingOptions) -> GroundTruth:
    """Retrain what is not done yet.

    Writes ``logits/in.npy``, ``logits/without/<row>.npy`` and ``logits/subsets.npy``.

    Where inputs have more numbers than there are inputs, networks see coordinates in a basis of all
    that they are asked about, queries and lines as well as records. What is asked never changes the
    law of the networks, but, through the basis, which of them a seed draws.

    Raises:
        ImprintError: images or options that cannot be used, or a study made with other settings.
    """
    kernel = network_kernel(options)
    images = open_choice(options, options.seed)
    classes = _kept(images, options)
    check_retraining(options, classes)
    index = _choose(images, classes, options)
    inputs = _inputs(images, index, options)
    typical = typical_mean_square(inputs[: options.records])
    kernel = matched_kernel(kernel, options.match_to, typical)
    for noise in options.noise:
        check_scale(kernel.diagonal(inputs[: options.records]), noise)
    if options.w_std is None and options.match_to is None:
        tell_variances(kernel, typical, "--match-to relu keeps it, --w-std says another")
    device = choose_device(options.device)
    lines = None
    if options.lines:
        fitted = inputs[: options.records]
        removed = torch.arange(options.left_out)
        lines = chosen_lines(fitted, kernel(fitted), removed, index[: options.left_out], options)
        own, around = coordinates(inputs, lines)
        around = around.float().to(device)
    else:
        own, around = in_own_span(inputs), None
    own = own.float().to(device)
    labels = torch.from_numpy(images.labels[index]).to(device)
    data = TrainingSet(own, labels, classes, inputs.shape[1])
    plan = Retraining(
        data,
        options.records,
        np.arange(options.left_out, dtype=np.int64),
        options.pairs,
        options.subsets,
        options.subset_networks,
        kernel,
        options.train,
        derive(options.seed, "retrain"),
        around,
    )
    facts = {
        "name": images.name,
        "images": len(images),
        "classes": classes,
        "class_names": list(images.classes[:classes]),
        "fingerprint": images.fingerprint(),
        "records": options.records,
        "queries": options.queries,
    }
    return GroundTruth(index, inputs, kernel, plan, retrain(study, plan), facts, lines)


def network_kernel(options: RetrainingOptions) -> FullyConnected:
    """Return the kernel that networks share their options with.

    Raises:
        ImprintError: a kernel that is not of fully connected networks.
    """
    kernel = chosen_kernel(options)
    if not isinstance(kernel, FullyConnected):
        raise ImprintError(
            f"networks to retrain are fully connected, and the kernel {options.kernel} is not "
            "theirs: choose --kernel fc"
        )
    return kernel


def _kept(images: ImageSet, options: RetrainingOptions) -> int:
    """Return how many classes are kept."""
    classes = options.classes or len(images.classes)
    if not 2 <= classes <= len(images.classes):
        raise ImprintError(
            f"--classes {options.classes}: {images.name} has {len(images.classes)}, and networks "
            "need 2 or more"
        )
    return classes


def _choose(images: ImageSet, classes: int, options: RetrainingOptions) -> IntArray:
    usable = usable_indices(images)
    known = usable[images.labels[usable] < classes]
    wanted = options.records + options.queries
    if wanted > len(known):
        raise ImprintError(
            f"{options.records} records and {options.queries} queries are more than the "
            f"{len(known)} images of {images.name}: ask for fewer"
        )
    order = generator(options.seed, "retrained records").permutation(len(known))
    return known[order[:wanted]].astype(np.int64)


def _inputs(images: ImageSet, index: IntArray, options: RetrainingOptions) -> Tensor:
    pixels = View(images, index).read(options.input_size).pixels
    values = torch.from_numpy(pixels).double() / 255
    if options.scaling == "standardised":
        fitted = values[: options.records]
        mean = fitted.mean((0, 2, 3), keepdim=True)
        std = fitted.std((0, 2, 3), correction=0, keepdim=True)
        if not (std > 0).all():
            raise ImprintError("a channel is the same in all images: choose --scaling unit")
        values = (values - mean) / std
    return values.flatten(1)


MOST_DAMPING = 1e30
"""In float32, times some numbers of records."""


def check_retraining(options: RetrainingOptions, classes: int) -> None:
    """Check how many networks are asked for, noises and lines.

    Args:
        options: to check.
        classes: of the images that are kept.

    Raises:
        ImprintError: one that will not do.
    """
    check_lines(options)
    if options.input_size < 1:
        raise ImprintError(f"--input-size is {options.input_size}: it must be at least 1 pixel")
    if options.records < 2:
        raise ImprintError(f"--records is {options.records}: it must be at least 2")
    if not 1 <= options.left_out <= options.records:
        raise ImprintError(
            f"--left-out {options.left_out}: leave out 1 to {options.records} records"
        )
    fewest = fewest_starts(classes)
    if options.pairs < fewest:
        raise ImprintError(
            f"--pairs {options.pairs}: logits of {classes} classes need {fewest} or more"
        )
    if options.subsets < 0:
        raise ImprintError(f"--subsets is {options.subsets}: it must not be negative")
    if options.subset_networks < 1:
        raise ImprintError(f"--subset-networks is {options.subset_networks}: it must be at least 1")
    if options.queries < 0:
        raise ImprintError(f"--queries is {options.queries}: it must not be negative")


def check_comparison(options: ComparisonOptions) -> None:
    """Check which estimators are asked for, and their damping.

    Raises:
        ImprintError: one that will not do.
    """
    if not options.estimator:
        raise ImprintError("--estimator is empty: name one or more, or all, or none")
    if options.estimator != ("all",):
        for name in options.estimator:
            if name != "none":
                INFLUENCES.get(name)
    if options.damping is not None and not 0 < options.damping <= MOST_DAMPING:
        raise ImprintError(
            f"--damping is {options.damping:g}: it must be above 0, up to {MOST_DAMPING:g}"
        )
