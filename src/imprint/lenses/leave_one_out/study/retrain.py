"""``leave-one-out retrain``: the ground truth, networks with and without single records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import derive, generator
from imprint.data.choice import open_choice
from imprint.data.files import usable_indices
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.leave_one_out.findings import (
    Correlations,
    FittedData,
    NetworkAccuracy,
    NoiseCeiling,
    RetrainingFindings,
)
from imprint.lenses.leave_one_out.kernels.choice import chosen_kernel
from imprint.lenses.leave_one_out.kernels.fc import FullyConnected
from imprint.lenses.leave_one_out.posterior.posterior import check_scale
from imprint.lenses.leave_one_out.retraining_options import RetrainingOptions
from imprint.lenses.leave_one_out.study.lines import RecordLines, choose_lines, coordinates
from imprint.lenses.leave_one_out.truth.ground_truth import (
    attack_auc,
    noise_ceiling,
    prediction_difference,
    root_difference,
)
from imprint.lenses.leave_one_out.truth.matching import (
    matched_kernel,
    typical_mean_square,
    variances,
    warn_if_variance_changes,
)
from imprint.lenses.leave_one_out.truth.paired_auc import fewest_starts, paired_auc
from imprint.lenses.leave_one_out.truth.starts import mean_over_records, root_of
from imprint.nets.fully_connected import in_own_span
from imprint.stats.bootstrap import mean_share
from imprint.stats.estimate import within_unit
from imprint.stats.ranks import midranks
from imprint.study.counted import uncounted
from imprint.study.option_types import AUTO
from imprint.study.store import Study
from imprint.train.cohort.network_stack import TrainingSet
from imprint.train.retraining import Logits, Retraining, retrain

AUC_CEILING = Missing("an attack that is fitted to half of the networks is a weaker one")


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """What was retrained.

    Attributes:
        index: int64 ``[N]``, images of the set: the records, then the queries.
        kernel: whose options describe the networks.
        networks: what every network depends on, as JSON values.
        data: facts about the images.
        inputs: float64 ``[N, d]``, as kernel and networks see them.
        plan: of retraining.
        logits: of all networks.
        lines: along which networks were queried as well; None without.
    """

    index: IntArray
    kernel: FullyConnected
    networks: Mapping[str, Any]
    data: FittedData = uncounted()
    inputs: Tensor = uncounted()
    plan: Retraining = uncounted()
    logits: Logits = uncounted()
    lines: RecordLines | None = uncounted()

    @property
    def own_logits(self) -> tuple[FloatArray, FloatArray]:
        """Logits at each removed record of networks with and without it, float64 ``[r, K, c]``."""
        rows = self.plan.left_out.tolist()
        within = np.stack([self.logits.within[:, row] for row in rows])
        without = np.stack([self.logits.without[row][:, row] for row in rows])
        return within.astype(np.float64), without.astype(np.float64)


def ground_truth(study: Study, options: RetrainingOptions) -> GroundTruth:
    """Retrain what is not done yet.

    Writes ``logits/in.npy``, ``logits/without/<row>.npy`` and ``logits/subsets.npy``.

    Where inputs have more numbers than there are inputs, networks see coordinates in a basis of all
    their inputs, queries and lines as well as records. Queries never change the distribution of the
    networks but, through the basis, which of them a seed draws.

    Raises:
        ImprintError: images or options that cannot be used, or a study made with other settings.
    """
    kernel = network_kernel(options)
    images = open_choice(options, options.seed)
    classes = _class_count(images, options)
    check_retraining(options, classes)
    index = _choose(images, classes, options)
    inputs = _inputs(images, index, options)
    kernel = _prior(kernel, inputs[: options.records], options)
    device, lines, around = choose_device(options.device), None, None
    own = inputs
    if options.lines:
        fitted, removed = inputs[: options.records], torch.arange(options.removed)
        lines = choose_lines(fitted, kernel(fitted), removed, index[: options.removed], options)
        own, around = coordinates(inputs, lines)
        around = around.float().to(device)
    else:
        own = in_own_span(inputs)
    labels = torch.from_numpy(images.labels[index]).to(device)
    plan = Retraining(
        TrainingSet(own.float().to(device), labels, classes, inputs.shape[1]),
        options.records,
        np.arange(options.removed, dtype=np.int64),
        options.pairs,
        options.subsets,
        options.subset_networks,
        kernel,
        options.train,
        derive(options.seed, "retrain"),
        around,
    )
    data = FittedData(
        images.name,
        classes,
        tuple(images.classes[:classes]),
        options.records,
        images=len(images),
        queries=options.queries,
        fingerprint=images.fingerprint(),
    )
    logits = retrain(study, plan)
    return GroundTruth(index, kernel, plan.settings(), data, inputs, plan, logits, lines)


def network_kernel(options: RetrainingOptions) -> FullyConnected:
    """Return the kernel whose options describe the networks.

    Raises:
        ImprintError: a kernel that is not of fully connected networks.
    """
    kernel = chosen_kernel(options)
    if not isinstance(kernel, FullyConnected):
        raise ImprintError(
            f"networks to retrain are fully connected, which the kernel {options.kernel} does not "
            "describe: choose --kernel fc"
        )
    return kernel


def check_retraining(options: RetrainingOptions, classes: int) -> None:
    """Check how many networks are trained, and noise variances, before any training.

    Args:
        options: to check.
        classes: of the images that are kept.

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


def retraining_findings(truth: GroundTruth, seed: int) -> RetrainingFindings:
    """Return what the networks show."""
    plan = truth.plan
    within, without = truth.own_logits
    labels = plan.data.labels.cpu().numpy()
    right = (truth.logits.within.argmax(2) == labels).mean(0)
    random = generator(seed, "retraining")
    accuracy = NetworkAccuracy(mean_share(right[: plan.records], random))
    if len(right) > plan.records:
        queries = mean_share(right[plan.records :], random)
        accuracy = NetworkAccuracy(accuracy.records, queries)
    difference, auc = prediction_difference(within, without), attack_auc(within, without)
    typical = typical_mean_square(truth.inputs[: plan.records])
    return RetrainingFindings(
        plan.records,
        len(plan.left_out),
        plan.pairs,
        plan.settings()["networks"],
        plan.options.settings(),
        tuple(variances(truth.kernel, typical).tolist()),
        accuracy,
        root_of(mean_over_records(_difference, within, without)),
        float(np.median(difference.error)),
        within_unit(mean_over_records(paired_auc, within, without)),
        float(np.median(auc.error)),
        _ceilings(within, without, seed),
    )


def _difference(within: FloatArray, without: FloatArray) -> FloatArray:
    return prediction_difference(within, without).value


def _ceilings(within: FloatArray, without: FloatArray, seed: int) -> NoiseCeiling:
    """Return the attainable correlations, by truth and coefficient."""
    # Halves reach as high as all networks only where a measure does not depend on their number.
    if len(within) < 3:
        return NoiseCeiling(Missing("needs 3 records left out"), AUC_CEILING)
    readings = {"pearson": root_difference, "spearman": _ranked(root_difference)}
    ceilings = {
        coefficient: noise_ceiling(
            within, without, reading, generator(seed, "ceiling", "difference", coefficient)
        )
        for coefficient, reading in readings.items()
    }
    return NoiseCeiling(Correlations(**ceilings), AUC_CEILING)


def _ranked(
    measure: Callable[[FloatArray, FloatArray], FloatArray],
) -> Callable[[FloatArray, FloatArray], FloatArray]:
    return lambda within, without: midranks(measure(within, without))


def _prior(kernel: FullyConnected, fitted: Tensor, options: RetrainingOptions) -> FullyConnected:
    """Return the kernel, matched to another activation if one is named, and check its scale."""
    typical = typical_mean_square(fitted)
    kernel = matched_kernel(kernel, options.match_to, typical)
    for noise in options.noise:
        if noise == AUTO:
            continue
        check_scale(kernel.diagonal(fitted), noise)
    if options.w_std is None and options.match_to is None:
        warn_if_variance_changes(kernel, typical, "--match-to relu keeps it, --w-std sets another")
    return kernel


def _class_count(images: ImageSet, options: RetrainingOptions) -> int:
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
            f"{len(known)} images of {images.name}: choose fewer"
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
