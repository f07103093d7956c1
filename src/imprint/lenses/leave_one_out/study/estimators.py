"""Estimates of what retraining shows: closed-form leave-one-out, and gradients of one network.

All are about the same removed records, and the same held-out queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from imprint.core.arrays import FloatArray
from imprint.core.errors import ImprintError
from imprint.core.progress import track
from imprint.lenses.leave_one_out.kernels.fc import FullyConnected
from imprint.lenses.leave_one_out.kernels.kernel import KERNELS, Kernel, Limit
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.posterior.densities import log_predictive_density
from imprint.lenses.leave_one_out.posterior.duplicates import exact_copies
from imprint.lenses.leave_one_out.posterior.noise_path import spectrum
from imprint.lenses.leave_one_out.posterior.noise_selection import NoiseCriteria, choose_noise
from imprint.lenses.leave_one_out.posterior.posterior import fit
from imprint.lenses.leave_one_out.posterior.queries import query_influence
from imprint.lenses.leave_one_out.posterior.self_influence import self_influence
from imprint.lenses.leave_one_out.posterior.targets import centred_one_hot
from imprint.lenses.leave_one_out.retraining_options import EstimatorChoice
from imprint.lenses.leave_one_out.study.retrain import GroundTruth
from imprint.nets.fully_connected import NetworkStack, Prior
from imprint.probe.influence_kit.question import INFLUENCES, Checkpoint, Trained
from imprint.study.option_types import AUTO
from imprint.study.peak_memory import Cost, measured
from imprint.train.cohort.network_stack import train_stack
from imprint.train.cohort.optimizer import Learner
from imprint.train.image_networks import ImageNetworks, train_image_networks
from imprint.train.retraining import Retraining


@dataclass(frozen=True, eq=False)
class Estimated:
    """The values of one estimate.

    Attributes:
        difference: to be compared with the root of the prediction difference, ``[r]``; None
            where there is none.
        auc: to be compared with the attack's AUC, ``[r]``.
        table: influence of every record on every held-out query, ``[n, q]``.
        cost: of all of it.
        facts: as JSON values; ``no_self`` says why there is no ``difference``.
        measures: float64 ``[r]`` each, further columns for tables.
    """

    difference: FloatArray | None
    auc: FloatArray | None
    table: FloatArray
    cost: Cost
    facts: Mapping[str, Any] = field(default_factory=dict)
    measures: Mapping[str, FloatArray] = field(default_factory=dict)


@one_thread_a_sum()
def closed_forms(
    truth: GroundTruth, noises: Sequence[float | Literal["auto"]]
) -> dict[str, Estimated]:
    """Return the closed form under the prior of the networks, and as all layers were trained.

    Named ``lood_<limit>_<noise>``, the kernel's own limit and the first noise variance first; for
    kernels other than fc ``lood_<kernel>_<noise>``. In place of auto stand ``lood_<limit>_density``
    and ``lood_<limit>_evidence``, at the noise variances that the targets choose without
    retraining.
    """
    return {
        f"lood_{limit}_{name}": _closed_form(truth, kernel, noise)
        for limit, kernel in _limits(truth.kernel).items()
        for name, noise in _named_noises(truth, kernel, noises).items()
    }


def _named_noises(
    truth: GroundTruth, kernel: Kernel, noises: Sequence[float | Literal["auto"]]
) -> dict[str, float]:
    """Return noise variances by name; those that the targets choose by what they maximise."""
    named: dict[str, float] = {}
    for noise in noises:
        if noise != AUTO:
            named[f"{noise:g}"] = noise
            continue
        records = truth.plan.records
        labels = truth.plan.data.labels.cpu()[:records]
        matrix = kernel(truth.inputs[:records])
        targets = centred_one_hot(labels, truth.plan.data.classes)
        copies = exact_copies(truth.inputs[:records].numpy())
        criteria = NoiseCriteria(spectrum(matrix), targets, matrix.diagonal(), copies)
        chosen = choose_noise(criteria)
        named |= {"density": chosen.density.noise, "evidence": chosen.evidence.noise}
    return named


def _limits(kernel: Kernel) -> dict[str, Kernel]:
    """Return a kernel in its own and its other limit, by name; other kernels have one alone."""
    if not isinstance(kernel, FullyConnected):
        names = [name for name in KERNELS.names() if KERNELS.get(name) is type(kernel)]
        return {names[0]: kernel}
    limits: tuple[Limit, Limit] = ("nngp", "ntk")
    if kernel.limit == "ntk":
        limits = ("ntk", "nngp")
    return {limit: replace(kernel, limit=limit) for limit in limits}


def _closed_form(truth: GroundTruth, kernel: Kernel, noise: float) -> Estimated:
    records, rows = truth.plan.records, torch.from_numpy(truth.plan.left_out)
    inputs, labels = truth.inputs, truth.plan.data.labels.cpu()
    with measured() as cost:
        fitted, queries = kernel.prepare(inputs[:records]), inputs[records:]
        targets = centred_one_hot(labels[:records], truth.plan.data.classes)
        posterior = fit(kernel(fitted), targets, noise)
        own = self_influence(posterior)
        columns = {
            "mse": own.mean_distance[rows].numpy(),
            "kl": own.kl_out_in[rows].numpy(),
            "auc": own.auc[rows].numpy(),
        }
        table = np.zeros((records, len(queries)))
        if len(queries):
            cross, variances = kernel(queries, fitted), kernel.diagonal(queries)
            response = query_influence(posterior, cross, variances).response
            table = (response * posterior.weights[:, labels[records:]]).numpy()
    facts = {
        "noise": noise,
        "limit": getattr(kernel, "limit", "nngp"),
        "effective_degrees_of_freedom": posterior.effective_degrees_of_freedom,
        "leave_one_out_accuracy": posterior.leave_one_out_accuracy,
        "log_predictive_density": float(
            log_predictive_density(own.residual, own.variance_out, noise).mean()
        ),
        "log_evidence": posterior.log_evidence,
    }
    return Estimated(np.sqrt(columns["mse"]), columns["auc"], table, cost, facts, columns)


def check_estimators(choice: EstimatorChoice) -> None:
    """Check the names of estimators.

    Raises:
        ImprintError: none is named, or one is unknown.
    """
    if not choice.estimators:
        raise ImprintError("--estimators is empty: name one or more, or all, or none")
    if choice.estimators != ("all",):
        for name in choice.estimators:
            if name != "none":
                INFLUENCES.get(name)


@dataclass(frozen=True, eq=False)
class GradientEstimates:
    """The estimates from one network that was trained on every record.

    Attributes:
        estimates: by name, each with the cost of all but the network.
        skipped: why there is none, by name.
        training: cost of the network that all of them start from; None without any.
    """

    estimates: Mapping[str, Estimated]
    skipped: Mapping[str, str]
    training: Cost | None


def estimates_from_gradients(truth: GroundTruth, choice: EstimatorChoice) -> GradientEstimates:
    """Return the estimates from the first network of the ground truth.

    Raises:
        ImprintError: an unknown estimator.
    """
    names = INFLUENCES.names() if choice.estimators == ("all",) else list(choice.estimators)
    entries = [INFLUENCES.get(name) for name in names if name != "none"]
    if not entries:
        return GradientEstimates({}, {}, None)
    with measured() as training:
        trained = train_network(truth, choice.damping)
    estimates: dict[str, Estimated] = {}
    skipped: dict[str, str] = {}
    for entry in track(entries, "estimate", len(entries), "estimator"):
        reason = entry.missing(trained)
        if reason is not None:
            skipped[entry.name] = reason
            continue
        try:
            with measured() as cost:
                influence = entry(trained)
        except ImprintError as error:
            skipped[entry.name] = str(error)
            continue
        own = None if entry.no_self else entry.shift(trained, influence).double()
        scores = None if own is None else own.cpu().numpy()
        facts = {**influence.facts, **({"no_self": entry.no_self} if entry.no_self else {})}
        table = influence.table.double().cpu().numpy()
        estimates[entry.name] = Estimated(scores, scores, table, cost, facts)
    return GradientEstimates(estimates, skipped, training)


def train_network(truth: GroundTruth, damping: float | None) -> Trained:
    """Return the first network of the ground truth with a checkpoint an epoch, trained again."""
    plan = truth.plan
    device = plan.data.inputs.device
    steps = -(-plan.records // plan.options.batch_size)
    # Momentum m adds up to a step 1/(1 − m) times as long.
    factor = 1 / (1 - plan.options.momentum)
    distance = [factor * steps * plan.options.rate(epoch) for epoch in range(plan.options.epochs)]
    own = torch.from_numpy(plan.left_out).to(device)
    if isinstance(plan.prior, ImageNetworks):
        network, states = _image_network(plan, plan.prior)
        inputs, labels = plan.data.inputs, plan.data.labels
    else:
        network, states = _fully_connected_network(plan, plan.prior)
        inputs, labels = plan.data.inputs * plan.prior.input_scale, plan.data.labels
    return Trained(
        network,
        inputs[: plan.records],
        labels[: plan.records],
        inputs[plan.records :],
        labels[plan.records :],
        own,
        plan.options.loss,
        tuple(Checkpoint(state, part) for state, part in zip(states, distance, strict=False)),
        1 / sum(distance) if damping is None else damping,
        plan.seed,
    )


States = list[dict[str, Tensor]]


def _fully_connected_network(plan: Retraining, prior: Prior) -> tuple[nn.Module, States]:
    device = plan.data.inputs.device
    kept = torch.ones(1, plan.records, dtype=torch.bool, device=device)
    states: States = []

    def keep_state(_: int, stack: NetworkStack) -> None:
        states.append(dict(stack.network(0).state_dict()))

    stack = train_stack(plan.data, kept, [0], prior, plan.options, plan.seed, keep_state)
    return stack.network(0).to(device), states


def _image_network(plan: Retraining, networks: ImageNetworks) -> tuple[nn.Module, States]:
    data = plan.data
    kept = torch.ones(plan.records, dtype=torch.bool, device=data.inputs.device)
    states: States = []

    def keep_state(_: int, learner: Learner) -> None:
        state = learner.models()[0].state_dict()
        states.append({name: value.clone() for name, value in state.items()})

    trained = train_image_networks(
        networks, data.inputs, data.labels, kept, [0], plan.options, plan.seed, keep_state
    )
    return trained[0], states
