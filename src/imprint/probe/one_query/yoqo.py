r"""YOQO: an input that models trained on the record call its class, and other models another one.

Online, with reference models on both sides, x′ minimises

    3 · [mean over IN of CE(f(x′), y) + α · mean over OUT of CE(f(x′), c_k)] / (1 + α),

offline, with OUT models alone,

    6 · [α · MSE(x′, x) + mean over OUT of CE(f(x′), c_k)] / (1 + α),

c_k being the best wrong class of model k at x. Plain steps go down 16 times the gradient, 16 models
a side being published, so that a step does not grow with the number of models; each record stops
where 16 times its loss is small enough. The target is then asked for one label: a member where that
of x′ is y. Cost: ``steps`` forward and backward passes of each reference model, one query.

Wu, Yu, Backes, Zhang 2024, "You Only Query Once: An Efficient Label-Only Membership Inference
Attack", whose released code sums gradients over its models and needs equally many on either side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from imprint.core.bounds import Bounds, Checked
from imprint.probe.one_query.references import check_references, evaluation_mode
from imprint.probe.signals.trajectory import Network, forward_in_batches

ONLINE_SCALE, OFFLINE_SCALE = 3.0, 6.0
PUBLISHED_MODELS = 16


@dataclass(frozen=True)
class YoqoOptions(Checked):
    """Settings of the search for x′."""

    offline: bool = False
    """Use OUT models alone."""
    weight: Annotated[float, Bounds(least=0)] = 2.0
    """α: weight of the wrong class online, of the distance from the record offline (there 5)."""
    step_size: Annotated[float, Bounds(above=0)] = 0.01
    """Length of a step along 16 times the gradient, in units of the inputs."""
    steps: Annotated[int, Bounds(least=0)] = 50
    """Steps at most; none is the attack by correctness."""
    stop_loss: Annotated[float, Bounds(least=0)] = 4.0
    """Where 16 times the loss is at most this, a record's search ends (offline: 8)."""
    least: float = float("-inf")
    """Least value of an input, 0 for images; x′ is clipped there."""
    most: float = float("inf")
    """Greatest value of an input, 1 for images."""


def online_loss(of_members: Tensor, of_others: Tensor, weight: float) -> Tensor:
    """Return the loss of mean cross-entropies IN (of y) and OUT (of c), ``[b]``."""
    return ONLINE_SCALE * (of_members + weight * of_others) / (1 + weight)


def offline_loss(distance: Tensor, of_others: Tensor, weight: float) -> Tensor:
    """Return the loss of the mean squared distance and the cross-entropy OUT (of c), ``[b]``."""
    return OFFLINE_SCALE * (weight * distance + of_others) / (1 + weight)


def craft_yoqo(
    references: Sequence[Network],
    members: Tensor,
    inputs: Tensor,
    labels: Tensor,
    options: YoqoOptions,
) -> Tensor:
    """Return x′ of each record, in the shape of the inputs.

    All records take their steps together, one reference model after another.

    Args:
        references: K networks from inputs to logits ``[b, classes]``.
        members: bool ``[K, b]``, which of them was trained on which record. A record without
            models on a side is left to the other side.
        inputs: ``[b, …]`` as the networks take them.
        labels: int64 ``[b]``.
        options: of the search.

    Raises:
        ImprintError: no reference model, or masks and labels that do not fit.
    """
    check_references(references, members, inputs, labels)
    with evaluation_mode(references):
        wrong = torch.stack([_best_wrong_class(each, inputs, labels) for each in references])
        inside = members.to(inputs) * (not options.offline)
        outside = (~members).to(inputs)
        # Of each side a mean; a record without models on it takes 0.
        shares = [side / side.sum(dim=0).clamp(min=1) for side in (inside, outside)]
        crafted, running = inputs.clone(), torch.ones(len(inputs), dtype=torch.bool)
        for _ in range(options.steps):
            rows = running.nonzero()[:, 0].to(inputs.device)
            if not len(rows):
                break
            parts = [share[:, rows] for share in shares]
            loss, gradient = _loss_and_gradient(
                references,
                parts,
                crafted[rows],
                inputs[rows],
                labels[rows],
                wrong[:, rows],
                options,
            )
            far = PUBLISHED_MODELS * loss > options.stop_loss
            moved = crafted[rows] - options.step_size * PUBLISHED_MODELS * gradient
            keep = far.view(-1, *[1] * (inputs.ndim - 1))
            crafted[rows] = torch.where(
                keep, moved.clamp(options.least, options.most), crafted[rows]
            )
            running[rows.cpu()] = far.cpu()
    return crafted


def _best_wrong_class(network: Network, inputs: Tensor, labels: Tensor) -> Tensor:
    logits = forward_in_batches(network, inputs)
    return logits.scatter(1, labels[:, None], -torch.inf).argmax(dim=1)


def _loss_and_gradient(
    references: Sequence[Network],
    shares: Sequence[Tensor],
    crafted: Tensor,
    inputs: Tensor,
    labels: Tensor,
    wrong: Tensor,
    options: YoqoOptions,
) -> tuple[Tensor, Tensor]:
    """Return the loss of each record ``[b]`` and its gradient in x′."""
    point = crafted.detach().requires_grad_()
    sums = [torch.zeros(len(inputs), dtype=inputs.dtype, device=inputs.device) for _ in shares]
    gradient = torch.zeros_like(point)
    scale = (OFFLINE_SCALE if options.offline else ONLINE_SCALE) / (1 + options.weight)
    factors = (scale, scale if options.offline else scale * options.weight)
    for network, other, *own in zip(references, wrong, *shares, strict=True):
        logits = network(point)
        losses = [
            F.cross_entropy(logits, classes, reduction="none") * share
            for classes, share in zip((labels, other), own, strict=True)
        ]
        total = factors[0] * losses[0] + factors[1] * losses[1]
        # One model at a time, so that memory does not grow with their number.
        gradient += torch.autograd.grad(total.sum(), point)[0]
        for side, loss in zip(sums, losses, strict=True):
            side += loss.detach()
    if not options.offline:
        return online_loss(sums[0], sums[1], options.weight), gradient
    difference = crafted - inputs
    distance = difference.flatten(1).square().mean(dim=1)
    pull = scale * options.weight * 2 * difference / difference[0].numel()
    return offline_loss(distance, sums[1], options.weight), gradient + pull
