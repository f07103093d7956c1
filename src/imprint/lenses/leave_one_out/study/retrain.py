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
from imprint.lenses.leave_one_out.findings import FittedData
from imprint.lenses.leave_one_out.influence_quality_findings import Correlations
from imprint.lenses.leave_one_out.kernels.choice import chosen_kernel
from imprint.lenses.leave_one_out.kernels.fc import FullyConnected
from imprint.lenses.leave_one_out.kernels.kernel import Kernel
from imprint.lenses.leave_one_out.posterior.posterior import check_scale
from imprint.lenses.leave_one_out.retraining_findings import (
    NetworkAccuracy,
    NoiseCeiling,
    RetrainingFindings,
)
from imprint.lenses.leave_one_out.retraining_options import RetrainingOptions
from imprint.lenses.leave_one_out.study.lines import RecordLines, choose_lines, coordinates
from imprint.lenses.leave_one_out.study.retrained_data import RetrainedData, read_retrained_data
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
from imprint.lenses.leave_one_out.truth.paired_auc import paired_auc
from imprint.lenses.leave_one_out.truth.starts import mean_over_records, root_of
from imprint.nets.fully_connected import in_own_span
from imprint.stats.bootstrap import mean_share
from imprint.stats.estimate import within_unit
from imprint.stats.ranks import midranks
from imprint.study.counted import uncounted
from imprint.study.option_types import AUTO
from imprint.study.store import Study
from imprint.train.cohort.network_stack import TrainingSet
from imprint.train.image_networks import ImageNetworks
from imprint.train.retraining import Logits, Retraining, retrain

AUC_CEILING = Missing("an attack that is fitted to half of the networks is a weaker one")


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """What was retrained.

    Attributes:
        index: int64 ``[N]``, images of the set or rows of a file: the records, then the queries.
        kernel: of the closed form; its options describe fully connected networks.
        networks: what every network depends on, as JSON values.
        data: facts about the data.
        inputs: float64 ``[N, d]`` or ``[N, C, S, S]``, as kernel and networks see them.
        plan: of retraining.
        logits: of all networks.
        lines: along which networks were queried as well; None without.
    """

    index: IntArray
    kernel: Kernel
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

    Writes ``logits/in.npy``, ``logits/without/<row>.npy`` and ``logits/subsets.npy``, of networks
    of images ``logits/halves/<half>.npy``.

    Where inputs have more numbers than there are inputs, fully connected networks see coordinates
    in a basis of all their inputs, queries and lines as well as records. Queries never change the
    distribution of the networks but, through the basis, which of them a seed draws.

    Raises:
        ImprintError: data or options that cannot be used, or a study made with other settings.
    """
    if not options.train.is_fully_connected:
        return _truth_of_images(study, options)
    kernel = network_kernel(options)
    data = read_retrained_data(options)
    inputs, records = data.inputs, data.records
    kernel = _prior(kernel, inputs[:records], options)
    device, lines, around = choose_device(options.device), None, None
    if options.lines:
        fitted, removed = inputs[:records], torch.arange(options.removed)
        lines = choose_lines(
            fitted, kernel(fitted), removed, data.index[: options.removed], options
        )
        own, around = coordinates(inputs, lines)
        around = around.float().to(device)
    else:
        own = in_own_span(inputs)
    labels = torch.from_numpy(data.labels).to(device)
    trained = TrainingSet(own.float().to(device), labels, len(data.classes), inputs.shape[1])
    plan = _plan(options, trained, records, kernel, around)
    return _retrained(study, data, kernel, plan, lines)


def _truth_of_images(study: Study, options: RetrainingOptions) -> GroundTruth:
    """Retrain networks of images, whose closed form is that of any kernel."""
    for name in ("match_to", "lines"):
        if getattr(options, name):
            raise ImprintError(
                f"--{name.replace('_', '-')} applies to fully connected networks, and "
                f"--train.architecture is {options.train.architecture}: leave it out"
            )
    kernel = chosen_kernel(options)
    data = read_retrained_data(options)
    _check_noises(kernel, data.inputs[: data.records], options)
    device, shape = choose_device(options.device), data.inputs.shape
    settings = dict(options.train.architecture_options)
    networks = ImageNetworks(
        options.train.architecture, settings, shape[1], len(data.classes), shape[3]
    )
    networks.check()
    labels = torch.from_numpy(data.labels).to(device)
    trained = TrainingSet(data.inputs.float().to(device), labels, len(data.classes))
    return _retrained(study, data, kernel, _plan(options, trained, data.records, networks))


def _plan(
    options: RetrainingOptions,
    data: TrainingSet,
    records: int,
    prior: FullyConnected | ImageNetworks,
    around: Tensor | None = None,
) -> Retraining:
    return Retraining(
        data,
        records,
        np.arange(options.removed, dtype=np.int64),
        options.pairs,
        options.subsets,
        options.subset_networks,
        prior,
        options.train,
        derive(options.seed, "retrain"),
        around,
    )


def _retrained(
    study: Study,
    data: RetrainedData,
    kernel: Kernel,
    plan: Retraining,
    lines: RecordLines | None = None,
) -> GroundTruth:
    logits = retrain(study, plan)
    return GroundTruth(
        data.index, kernel, plan.settings(), data.facts, data.inputs, plan, logits, lines
    )


def network_kernel(options: RetrainingOptions) -> FullyConnected:
    """Return the kernel whose options describe the networks.

    Raises:
        ImprintError: a kernel that is not of fully connected networks.
    """
    kernel = chosen_kernel(options)
    if not isinstance(kernel, FullyConnected):
        raise ImprintError(
            f"networks to retrain are fully connected, which the kernel {options.kernel} does not "
            "describe: choose --kernel fc, or networks of images by --train.architecture"
        )
    return kernel


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
    return RetrainingFindings(
        plan.records,
        len(plan.left_out),
        plan.pairs,
        plan.settings()["networks"],
        plan.options.settings(),
        _prior_variances(truth),
        accuracy,
        root_of(mean_over_records(_difference, within, without)),
        float(np.median(difference.error)),
        within_unit(mean_over_records(paired_auc, within, without)),
        float(np.median(auc.error)),
        _ceilings(within, without, seed),
    )


def _prior_variances(truth: GroundTruth) -> tuple[float, ...]:
    """Return the prior variance of a typical record by layer; none of networks of images."""
    if isinstance(truth.plan.prior, ImageNetworks) or not isinstance(truth.kernel, FullyConnected):
        return ()
    typical = typical_mean_square(truth.inputs[: truth.plan.records])
    return tuple(variances(truth.kernel, typical).tolist())


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


def _check_noises(kernel: Kernel, fitted: Tensor, options: RetrainingOptions) -> None:
    """Check noise variances that are named beside the kernel of the records."""
    diagonal = kernel.diagonal(fitted)
    for noise in options.noise:
        if noise != AUTO:
            check_scale(diagonal, noise)


def _prior(kernel: FullyConnected, fitted: Tensor, options: RetrainingOptions) -> FullyConnected:
    """Return the kernel, matched to another activation if one is named, and check its scale."""
    typical = typical_mean_square(fitted)
    kernel = matched_kernel(kernel, options.match_to, typical)
    _check_noises(kernel, fitted, options)
    if options.w_std is None and options.match_to is None:
        warn_if_variance_changes(kernel, typical, "--match-to relu keeps it, --w-std sets another")
    return kernel
