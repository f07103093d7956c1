"""What an estimate of influence looks at, what it returns, and where estimates register themselves.

An estimate says of each record of the training set by how much training on it lowered the loss of
each query; higher is more. With g = ∇loss most are g_iᵀ M g_q for some matrix M. As g = Jᵀδ, δ the
slope of the loss by the logits, that of a record on itself is δᵀ(J M Jᵀδ): the shift of its logits
times the miss |δ|. Such an estimate is of degree 2 in δ where a shift is of degree 1; divided by
|δ| it is the shift along the miss, which retraining can be asked for (:meth:`Influence.shift`).
(Ye et al. 2024 compare undivided squares with the root of a squared shift.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from imprint.core.errors import ImprintError, reason_of
from imprint.core.registry import Registry
from imprint.probe.influence_kit.losses import (
    OF_CLASSES,
    Loss,
    curvature_root,
    loss_slopes,
    row_losses,
)

BATCH = 128
"""Records that pass through a network together."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Weights that training passed, and how far it went from there to the next.

    Attributes:
        state: of the network.
        travelled: sum of the learning rates of the steps until the next checkpoint.
    """

    state: Mapping[str, Tensor]
    travelled: float


@dataclass(frozen=True, eq=False)
class Trained:
    """A network, its records and the queries that are asked about; all on one device.

    Attributes:
        network: maps inputs ``[b, …]`` to outputs ``[b, c]``, each row by itself.
        inputs: ``[n, …]``.
        labels: targets of the loss, int64 ``[n]`` of classes, else ``[n, c]``.
        queries: ``[q, …]``.
        query_labels: likewise of the queries.
        own: int64 ``[r]``, the records whose influence on themselves is asked.
        loss: that the network was trained with, mean over records.
        checkpoints: that training passed, in order; may be empty.
        damping: λ > 0, added to the curvature.
        seed: of everything random.
        most_parameters: estimates look at no more than so many parameters, those of the last
            layers; None for all.
    """

    network: nn.Module
    inputs: Tensor
    labels: Tensor
    queries: Tensor
    query_labels: Tensor
    own: Tensor
    loss: Loss = "cross_entropy"
    checkpoints: tuple[Checkpoint, ...] = ()
    damping: float = 1e-3
    seed: int = 0
    most_parameters: int | None = None

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of each row, ``[b]``."""
        return row_losses(self.loss, logits, labels)

    def slopes(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return δ, the slope of each row's loss by its outputs, ``[b, c]``."""
        return loss_slopes(self.loss, logits, labels)

    def curvature_root(self, logits: Tensor) -> Tensor:
        """Return L with LLᵀ the Hessian of each row's loss by its logits, ``[b, c, c]``."""
        return curvature_root(self.loss, logits)

    @torch.no_grad()
    def misses(self) -> Tensor:
        """Return |δ| of the records that are asked about, ``[r]``."""
        parts = torch.split(self.own, BATCH)
        norms = [
            self.slopes(self.network(self.inputs[rows]), self.labels[rows]).norm(dim=1)
            for rows in parts
        ]
        return torch.cat(norms) if norms else self.inputs.new_zeros(0)

    @property
    def parameters(self) -> int:
        """How many numbers were trained."""
        return sum(weight.numel() for weight in self.network.parameters())


@dataclass(frozen=True, eq=False)
class Attribution:
    """What an estimate says.

    Attributes:
        table: ``[n, q]``, influence of each record on each query.
        own: ``[r]``, of each asked record on itself; None where it says nothing.
        shift: ``[r]``, of the logits of each asked record; None where it follows from its miss.
        facts: worth knowing, as JSON values; ``unconverged`` holds a reason not to trust it.
    """

    table: Tensor
    own: Tensor | None = None
    shift: Tensor | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Influence:
    """One estimate.

    Attributes:
        name: on the command line.
        compute: the estimate.
        degree: 2 where the self-influence is a square of a gradient, 1 where it is a shift.
        needs_checkpoints: whether it looks at the way of training.
        most_parameters: of a network that it can be asked about; None for any.
        no_self: why it has no self-influence; empty where it has.
        of_classes: whether it needs a network that classifies.
    """

    name: str
    compute: Callable[[Trained], Attribution]
    degree: int = 2
    needs_checkpoints: bool = False
    most_parameters: int | None = None
    no_self: str = ""
    of_classes: bool = False

    def missing(self, trained: Trained) -> str | None:
        """Return why this estimate cannot be made of a network; None when it can."""
        if self.needs_checkpoints and not trained.checkpoints:
            return "needs checkpoints of training, and there are none"
        if self.of_classes and trained.loss not in OF_CLASSES:
            return "is for networks that classify"
        if self.most_parameters is not None and trained.parameters > self.most_parameters:
            return (
                f"is for networks of up to {self.most_parameters:,} parameters, "
                f"not {trained.parameters:,}"
            )
        return None

    def __call__(self, trained: Trained) -> Attribution:
        """Return the estimate.

        Raises:
            ImprintError: it cannot be made of this network, or is not finite.
        """
        reason = self.missing(trained)
        if reason is not None:
            raise ImprintError(f"{self.name} {reason}: choose another estimator")
        if not trained.damping > 0:
            raise ImprintError(f"the damping must be above 0, got {trained.damping:g}")
        try:
            attribution = self.compute(trained)
        except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]
            raise ImprintError(
                f"{self.name}: the curvature has no factor at a damping of {trained.damping:g}: "
                "raise the damping"
            ) from error
        except (RuntimeError, NotImplementedError) as error:  # a user's network may hold anything
            reason = reason_of(error)
            raise ImprintError(
                f"{self.name} cannot differentiate this network ({reason}): choose another "
                "estimator"
            ) from error
        if not attribution.table.isfinite().all():
            raise ImprintError(f"{self.name}: an influence is not finite: raise the damping")
        return attribution

    def shift(self, trained: Trained, attribution: Attribution) -> Tensor:
        """Return the self-influences of the asked records as shifts of their logits, ``[r]``."""
        if attribution.shift is not None:
            return attribution.shift
        scores = attribution.own
        if scores is None:
            raise ImprintError(f"{self.name}: {self.no_self}")
        if self.degree == 1:
            return scores
        misses = trained.misses()
        # A record that is fitted to the last digit moves nothing.
        return torch.where(misses > 0, scores / misses, 0.0)


INFLUENCES: Registry[Influence] = Registry(
    "influence estimator", "imprint.probe.influence", group="imprint.influence"
)


def influence(
    name: str,
    *,
    degree: int = 2,
    needs_checkpoints: bool = False,
    most_parameters: int | None = None,
    no_self: str = "",
    of_classes: bool = False,
) -> Callable[[Callable[[Trained], Attribution]], Callable[[Trained], Attribution]]:
    """Return a decorator that registers a function as an estimate; see :class:`Influence`."""

    def enter(
        compute: Callable[[Trained], Attribution],
    ) -> Callable[[Trained], Attribution]:
        INFLUENCES.register(name)(
            Influence(
                name, compute, degree, needs_checkpoints, most_parameters, no_self, of_classes
            )
        )
        return compute

    return enter
