"""The training loop of a cohort: one model, or a stack of models in step.

A stack holds every parameter and buffer M times and runs the network under ``torch.func.vmap``,
so each model keeps its own batches and its own batch statistics: a batch shared between models
and weighted by 0 and 1 would show every model the non-members, through its normalisation. The
sum of the M losses has for gradient the M gradients, since no loss depends on another's
parameters; and the update rules act on each element alone. So a stack trains what each model
would be alone, up to rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from imprint.core.errors import ImprintError
from imprint.nets.fill import initial_model
from imprint.nets.image_model import ImageModel
from imprint.nets.model_card import ModelCard
from imprint.train.cohort.optimizer import (
    Learner,
    build_optimizer,
    peak_learning_rate,
    split_by_decay,
)
from imprint.train.cohort.options import CohortOptions
from imprint.train.cohort.plan import Plan, TrainedModel, views_of
from imprint.train.cohort.resident import Resident
from imprint.train.optim import learning_rate_factor


class Solo:
    """One model."""

    def __init__(self, model: ImageModel) -> None:
        self._model = model

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits ``[1, b, classes]``."""
        logits: torch.Tensor = self._model(images[0])
        return logits[None]

    def parameters(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return weights, which decay, and tensors with one axis, which do not."""
        return split_by_decay(list(self._model.parameters()), axes=1)

    def models(self) -> list[ImageModel]:
        """Return the network."""
        return [self._model]


class Stack:
    """M models of one architecture under ``vmap``."""

    def __init__(self, models: Sequence[ImageModel]) -> None:
        self._models = list(models)
        self._parameters, self._buffers = torch.func.stack_module_state(self._models)
        shape = copy.deepcopy(self._models[0])

        def call(
            parameters: dict[str, torch.Tensor],
            buffers: dict[str, torch.Tensor],
            images: torch.Tensor,
        ) -> torch.Tensor:
            logits: torch.Tensor = torch.func.functional_call(shape, (parameters, buffers), images)
            return logits

        self._call = torch.func.vmap(call)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits ``[M, b, classes]``."""
        # Not every batching rule knows channels last, and grouped convolutions gain nothing by it.
        logits: torch.Tensor = self._call(self._parameters, self._buffers, images.contiguous())
        return logits

    def parameters(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return stacked weights, which decay, and stacked vectors, which do not."""
        return split_by_decay(list(self._parameters.values()), axes=2)

    @torch.no_grad()
    def models(self) -> list[ImageModel]:
        """Return the networks, each with its slice of every tensor."""
        stacked = {**self._parameters, **self._buffers}
        for row, model in enumerate(self._models):
            for name, tensor in (*model.named_parameters(), *model.named_buffers()):
                tensor.copy_(stacked[name][row])
        return self._models


class Training:
    """One training run of models that share a schedule.

    Args:
        plans: one model alone, or several to be stacked.
        data: the set, on the device that trains.
        card: of the models.
        options: of training.
    """

    def __init__(
        self, plans: Sequence[Plan], data: Resident, card: ModelCard, options: CohortOptions
    ) -> None:
        self._plans, self._data, self._options = list(plans), data, options
        models = [initial_model(card, plan.seed).train() for plan in self._plans]
        self._learner: Learner = (
            Solo(models[0].place(data.device))
            if len(models) == 1
            else Stack([model.to(data.device) for model in models])
        )
        self._optimizer = build_optimizer(self._learner, options, data.device)
        self._loss = self._accuracy = np.full(len(plans), np.nan)

    def steps(self) -> Iterator[int]:
        """Train, and yield the number of steps done after each.

        Raises:
            ImprintError: a loss that is not finite.
        """
        per_epoch = self._plans[0].per_epoch
        steps = per_epoch * self._options.epochs
        for epoch in range(self._options.epochs):
            records = np.stack([plan.epoch(epoch) for plan in self._plans], axis=1)
            losses, hits = [], []
            for position, batch in enumerate(records, start=epoch * per_epoch):
                views, labels = views_of(self._data, batch, self._plans, epoch, self._options)
                loss, hit = self._step(views, labels, position, steps)
                losses.append(loss)
                hits.append(hit)
                yield position + 1
            self._loss = torch.stack(losses).mean(dim=0).cpu().numpy()
            self._accuracy = torch.stack(hits).mean(dim=0).cpu().numpy()
            self._check(epoch)

    def trained(self) -> list[TrainedModel]:
        """Return the models as they are now."""
        return [
            TrainedModel(model, float(loss), float(accuracy))
            for model, loss, accuracy in zip(
                self._learner.models(), self._loss, self._accuracy, strict=True
            )
        ]

    def _step(
        self, views: torch.Tensor, labels: torch.Tensor, position: int, steps: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take one step; return loss and share of hits of every model, ``[M]``."""
        factor = learning_rate_factor(position, steps, round(self._options.warmup * steps), 0.0)
        for group in self._optimizer.param_groups:
            group["lr"] = peak_learning_rate(self._options) * factor
        with torch.autocast(
            views.device.type, torch.bfloat16, enabled=self._options.precision == "bfloat16"
        ):
            logits = self._learner.logits(views).float()
        each = F.cross_entropy(
            logits.flatten(0, 1),
            labels.flatten(),
            reduction="none",
            label_smoothing=self._options.label_smoothing,
        )
        loss = each.view_as(labels).mean(dim=1)
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss.sum())
        self._optimizer.step()
        hit = (logits.detach().argmax(dim=2) == labels).float().mean(dim=1)
        return loss.detach(), hit

    def _check(self, epoch: int) -> None:
        for plan, loss in zip(self._plans, self._loss, strict=True):
            if not np.isfinite(loss):
                raise ImprintError(
                    f"the loss of model {plan.model} is {loss} in epoch {epoch + 1}: "
                    "lower the learning rate or train in float32"
                )


def can_stack(card: ModelCard) -> bool:
    """Return whether a stack trains what each model would be alone: not where layers draw noise.

    Dropout draws from one stream for the whole stack, so a model would depend on its company.
    """
    drawing = (nn.modules.dropout._DropoutNd, nn.RReLU, nn.RNNBase, nn.MultiheadAttention)
    return not any(isinstance(module, drawing) for module in initial_model(card, 0).modules())
