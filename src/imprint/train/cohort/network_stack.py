"""Train a stack of fully connected networks in step, each without some of the records.

All networks see the same batches in the same order; a record that a network goes without has
weight 0 in its loss, and the batch that held it counts one record less. Nothing in such a network
mixes records, so it becomes what it would be on the shorter data set, up to rounding. Two networks
of one seed start from the same weights: trained with and without a record, they differ by that
record alone, and initialisation cancels in their difference.

Plain stochastic gradient descent, gradients written out: one batched matrix product a layer and
direction, the last of which takes the step in place.

Time: 6 products of M · b · inputs · outputs a layer and step, 4 in the first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.core.seeds import derive, generator
from imprint.nets.fully_connected import NetworkStack, Prior, initial_stack
from imprint.neurons.activation_function import activation_function, derivative
from imprint.train.retrain_options import RetrainOptions


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """What networks learn from.

    Attributes:
        inputs: floating-point ``[n, d]``, in [0, 1] or as the networks are to see them.
        labels: int64 ``[n]``.
        classes: c.
        fan_in: numbers of an input before :func:`imprint.nets.fully_connected.in_own_span`.
    """

    inputs: Tensor
    labels: Tensor
    classes: int
    fan_in: int | None = None


Watch = Callable[[int, NetworkStack], None]
"""Called with (epoch, stack) before each epoch, and once with the number of epochs at the end."""


def train_stack(
    data: TrainingSet,
    kept: Tensor,
    pairs: Sequence[int],
    prior: Prior,
    options: RetrainOptions,
    seed: int,
    watch: Watch | None = None,
) -> NetworkStack:
    """Train M networks.

    Args:
        data: n records, and then others that are only asked about: they change no weight.
        kept: bool ``[M, n]``, the records that each network is trained on.
        pairs: for each network the number of its initialisation; networks of the same number
            start from the same weights.
        prior: the kernel ``fc``, whose options describe the networks.
        options: of training.
        seed: of initialisations and of the order of records.
        watch: sees the stack between epochs.

    Raises:
        ImprintError: shapes that do not fit, a network without records, or weights that overflow.
    """
    _check(data, kept, pairs)
    inputs = data.inputs * prior.input_scale
    seeds = [derive(seed, "initialisation", pair) for pair in pairs]
    fan_in = data.fan_in or inputs.shape[1]
    stack = initial_stack(
        prior,
        options.width,
        inputs.shape[1],
        data.classes,
        seeds,
        fan_in,
        inputs.dtype,
        inputs.device,
    )
    targets = torch.nn.functional.one_hot(data.labels, data.classes).to(inputs.dtype)
    if options.loss == "squared":
        targets = targets - 1 / data.classes
    # Which records take part at all must not depend on the company of a network.
    records = kept.shape[1]
    for epoch in range(options.epochs):
        if watch is not None:
            watch(epoch, stack)
        for batch in _batches(records, epoch, options, seed, inputs.device):
            rows = batch[kept[:, batch].any(0)]
            if len(rows):
                _step(
                    stack, inputs[rows], targets[rows], kept[:, rows], options.rate(epoch), options
                )
    if watch is not None:
        watch(options.epochs, stack)
    if not all(bool(weight.isfinite().all()) for weight in stack.weights):
        raise ImprintError(
            f"weights overflowed at a learning rate of {options.learning_rate:g}: lower it, or "
            "the deviations of weights and biases, or the scale of inputs"
        )
    return stack


def _batches(
    records: int, epoch: int, options: RetrainOptions, seed: int, device: torch.device
) -> tuple[Tensor, ...]:
    name = epoch if options.shuffle else 0
    order = torch.from_numpy(generator(seed, "order", name).permutation(records)).to(device)
    return torch.split(order, options.batch_size)


@torch.no_grad()
def _step(
    stack: NetworkStack,
    inputs: Tensor,
    targets: Tensor,
    kept: Tensor,
    rate: float,
    options: RetrainOptions,
) -> None:
    """Take one step of every network in place."""
    before = stack.layers(inputs)
    logits = before[-1]
    predicted = logits.softmax(2) if options.loss == "cross_entropy" else logits
    present = kept.to(logits.dtype)
    share = present / present.sum(1, keepdim=True).clamp(min=1)
    error = (predicted - targets) * share[..., None]
    for layer in range(len(stack.weights) - 1, -1, -1):
        weight = stack.weights[layer]
        if layer:
            below = before[layer - 1]
            after = activation_function(stack.activation)(below)
            passed = torch.bmm(error, weight.mT) * _slope(below, stack.activation)
        else:
            after, passed = inputs.expand(len(stack), -1, -1), error
        weight.baddbmm_(after.mT, error, alpha=-rate)
        if stack.biases:
            stack.biases[layer].sub_(error.sum(1), alpha=rate)
        error = passed


def _slope(values: Tensor, activation: str) -> Tensor:
    """Return φ' of an activation; the usual ones by formula."""
    if activation == "relu":
        return (values > 0).to(values.dtype)
    if activation not in ("gelu", "erf"):
        return derivative(activation_function(activation))(values)
    bell = torch.exp(-0.5 * values.square()) / math.sqrt(2 * math.pi)
    if activation == "gelu":
        below: Tensor = torch.special.ndtr(values)
        return below + values * bell
    return (2 / math.sqrt(math.pi)) * torch.exp(-values.square())


def _check(data: TrainingSet, kept: Tensor, pairs: Sequence[int]) -> None:
    if data.inputs.ndim != 2 or data.labels.shape != data.inputs.shape[:1]:
        raise ImprintError(
            f"inputs {list(data.inputs.shape)} and labels {list(data.labels.shape)} do not fit: "
            "give [n, d] and [n]"
        )
    rows = len(data.labels)
    if kept.dtype != torch.bool or kept.ndim != 2 or len(kept) != len(pairs):
        raise ImprintError(
            f"who is trained on what is {kept.dtype} {list(kept.shape)}: it must be bool, a row "
            f"for each of {len(pairs)} networks and a column for each record"
        )
    if kept.shape[1] > rows:
        raise ImprintError(f"{kept.shape[1]} records to train on are more than the {rows} given")
    if not kept.any(1).all():
        raise ImprintError("a network is left without any record: leave fewer out")
    if not data.inputs.isfinite().all():
        raise ImprintError("an input of the networks is NaN or infinite: leave such records out")
