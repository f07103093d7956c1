r"""OSLO: the least change that reference models without the record can be expected to be fooled by.

Source models, none trained on the record, push x′ away from its class by steps up their mean
cross-entropy, within an L2 radius that grows from round to round. x′ is frozen for a threshold τ as
soon as the mean of log p_y over validation models, other OUT models, is below ln τ. The target is
asked for the label of the frozen x′: a member, on which it is surer, keeps the class. Several τ
order records by how many of their inputs keep it, at one query each. Cost: rounds × steps forward
and backward passes of each source and forward passes of each validation model.

Peng, Naseri, Houmansadr, Bagdasaryan 2024, "OSLO: One-Shot Label-Only Membership Inference
Attacks". A public implementation sums where this takes means, so there τ and the step depend on the
number of models; the step here is along the mean gradient times nine, its number of sources.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from torch import Tensor

from imprint.core.bounds import Bounds, Checked
from imprint.core.errors import ImprintError
from imprint.probe.one_query.references import check_references, evaluation_mode
from imprint.probe.signals.trajectory import Network

PUBLISHED_SOURCES = 9


@dataclass(frozen=True)
class OsloOptions(Checked):
    """Settings of the search for x′."""

    thresholds: tuple[float, ...] = (1.0, 0.1, 0.01, 0.001, 0.0001)
    """τ, geometric mean of p_y over validation models below which x′ is frozen, descending."""
    validation_models: Annotated[int, Bounds(least=1)] = 3
    """Models, the last ones, that decide when x′ is frozen; the others are sources."""
    rounds: Annotated[int, Bounds(least=0)] = 80
    """Rounds; the radius of round k is k / rounds of the greatest."""
    steps: Annotated[int, Bounds(least=1)] = 5
    """Steps a round."""
    step_size: Annotated[float, Bounds(above=0)] = 0.01
    """Length of a step along nine times the mean gradient, in units of the inputs."""
    radius: Annotated[float, Bounds(above=0)] = 80 / 255
    """Greatest L2 distance from the record, in units of the inputs."""
    least: float = float("-inf")
    """Least value of an input, 0 for images; x′ is clipped there."""
    most: float = float("inf")
    """Greatest value of an input, 1 for images."""

    def __post_init__(self) -> None:
        super().__post_init__()
        inside = all(0 < value <= 1 for value in self.thresholds)
        if (
            not self.thresholds
            or not inside
            or list(self.thresholds) != sorted(set(self.thresholds), reverse=True)
        ):
            raise ImprintError(
                f"thresholds must be descending numbers in (0, 1], got {self.thresholds}"
            )


def craft_oslo(
    references: Sequence[Network],
    members: Tensor,
    inputs: Tensor,
    labels: Tensor,
    options: OsloOptions,
) -> Tensor:
    """Return x′ of every threshold and record, ``[T, b, …]``.

    A record whose validation models are never fooled takes the last x′ for what is left of its
    thresholds. One without OUT models among sources or validation models stays as it is.

    Args:
        references: K networks from inputs to logits ``[b, classes]``, two or more.
        members: bool ``[K, b]``: a model trained on a record is neither source nor validation
            model for it.
        inputs: ``[b, …]`` as the networks take them.
        labels: int64 ``[b]``.
        options: of the search.

    Raises:
        ImprintError: too few reference models, or masks and labels that do not fit.
    """
    check_references(references, members, inputs, labels)
    if len(references) <= options.validation_models:
        raise ImprintError(
            f"{len(references)} reference models leave no source beside "
            f"{options.validation_models} validation models: give more, or fewer validation models"
        )
    sources = len(references) - options.validation_models
    outside = (~members).to(inputs)
    shares = [
        side / side.sum(dim=0).clamp(min=1) for side in (outside[:sources], outside[sources:])
    ]
    logs = torch.tensor([math.log(value) for value in options.thresholds], dtype=inputs.dtype)
    crafted, frozen = inputs.clone(), inputs.expand(len(logs), *inputs.shape).clone()
    reached = torch.zeros(len(logs), len(inputs), dtype=torch.bool, device=inputs.device)
    known = (shares[0].sum(dim=0) > 0) & (shares[1].sum(dim=0) > 0)
    with evaluation_mode(references):
        for step in range(options.rounds * options.steps):
            rows = (known & ~reached[-1]).nonzero()[:, 0]
            if not len(rows):
                break
            limit = options.radius * (step // options.steps + 1) / options.rounds
            moved = _step(
                references[:sources], shares[0][:, rows], crafted[rows], labels[rows], options
            )
            crafted[rows] = _within(moved, inputs[rows], limit, options)
            sure = _mean_log_probability(
                references[sources:], shares[1][:, rows], crafted[rows], labels[rows]
            )
            newly = (sure < logs.to(sure)[:, None]) & ~reached[:, rows]
            at, which = newly.nonzero(as_tuple=True)
            frozen[at, rows[which]] = crafted[rows[which]]
            reached[:, rows] |= newly
    never = ~reached & known
    at, which = never.nonzero(as_tuple=True)
    frozen[at, which] = crafted[which]
    return frozen


def _step(
    networks: Sequence[Network], shares: Tensor, point: Tensor, labels: Tensor, options: OsloOptions
) -> Tensor:
    """Return the point one step up the mean cross-entropy of the sources."""
    point = point.detach().requires_grad_()
    gradient = torch.zeros_like(point)
    for network, share in zip(networks, shares, strict=True):
        loss = F.cross_entropy(network(point), labels, reduction="none") * share
        gradient += torch.autograd.grad(loss.sum(), point)[0]
    return point.detach() + options.step_size * PUBLISHED_SOURCES * gradient


def _within(point: Tensor, centre: Tensor, limit: float, options: OsloOptions) -> Tensor:
    """Return the point drawn back to the L2 ball around the record, and into the inputs' range."""
    difference = point - centre
    length = difference.flatten(1).norm(dim=1).clamp(min=1e-30)
    factor = (limit / length).clamp(max=1).view(-1, *[1] * (point.ndim - 1))
    inside: Tensor = (centre + difference * factor).clamp(options.least, options.most)
    return inside


@torch.no_grad()
def _mean_log_probability(
    networks: Sequence[Network], shares: Tensor, point: Tensor, labels: Tensor
) -> Tensor:
    """Return the mean of log p_y over validation models, ``[b]``."""
    total = torch.zeros(len(point), dtype=point.dtype, device=point.device)
    for network, share in zip(networks, shares, strict=True):
        total -= F.cross_entropy(network(point), labels, reduction="none") * share
    return total
