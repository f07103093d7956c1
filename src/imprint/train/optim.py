"""Optimisers and the learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from imprint.train.options import TrainOptions


class LARS(Optimizer):
    """Layer-wise adaptive rate scaling (You, Gitman, Ginsburg 2017).

    Weight decay and the trust ratio apply to tensors with more than one axis; biases and
    normalisation parameters take plain momentum steps.

    Args:
        parameters: what to optimise.
        lr: learning rate.
        momentum: of the velocity.
        weight_decay: added to the gradient of weights.
        trust: η, the trust coefficient.
    """

    def __init__(
        self,
        parameters: Iterable[Any],
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust: float = 1e-3,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "trust": trust}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)

    def _update(self, parameter: torch.Tensor, group: dict[str, Any]) -> None:
        gradient = parameter.grad
        assert gradient is not None
        if parameter.ndim > 1:
            gradient = gradient.add(parameter, alpha=group["weight_decay"])
            weight_norm, gradient_norm = parameter.norm(), gradient.norm()
            ratio = group["trust"] * weight_norm / gradient_norm
            usable = (weight_norm > 0) & (gradient_norm > 0)
            gradient = gradient * torch.where(usable, ratio, torch.ones_like(ratio))
        state = self.state[parameter]
        if "velocity" not in state:
            state["velocity"] = torch.zeros_like(parameter)
        velocity = state["velocity"].mul_(group["momentum"]).add_(gradient)
        parameter.add_(velocity, alpha=-group["lr"])


def build_optimizer(modules: nn.Module, options: TrainOptions, batch_size: int) -> Optimizer:
    """Return the optimiser of ``options`` over all parameters that need gradients.

    Weight decay reaches weights only: tensors with one axis (biases, normalisation) go without.

    Args:
        modules: what to optimise.
        options: of training.
        batch_size: images a batch that is really drawn; see :func:`peak_learning_rate`.
    """
    parameters = [parameter for parameter in modules.parameters() if parameter.requires_grad]
    groups = [
        {
            "params": [parameter for parameter in parameters if parameter.ndim > 1],
            "weight_decay": options.weight_decay,
        },
        {
            "params": [parameter for parameter in parameters if parameter.ndim <= 1],
            "weight_decay": 0.0,
        },
    ]
    peak = peak_learning_rate(options, batch_size)
    if options.optimizer == "lars":
        return LARS(groups, lr=peak, momentum=options.momentum)
    if options.optimizer == "sgd":
        return torch.optim.SGD(
            groups, lr=peak, momentum=options.momentum, nesterov=options.momentum > 0
        )
    return torch.optim.AdamW(groups, lr=peak, betas=(options.momentum, 0.999))


def peak_learning_rate(options: TrainOptions, batch_size: int) -> float:
    """Return the highest learning rate: ``learning_rate`` × batch size / 256.

    Args:
        options: of training.
        batch_size: images a batch that is really drawn, over all processes: less than
            ``options.batch_size`` where there are fewer images.
    """
    return options.learning_rate * batch_size / 256


def learning_rate_factor(step: int, steps: int, warmup_steps: int, end_ratio: float) -> float:
    """Return the learning rate of a step as a share of the peak: linear warm-up, then cosine.

    Args:
        step: from 0 to ``steps`` − 1.
        steps: of the whole run.
        warmup_steps: over which the rate rises from 1 / ``warmup_steps`` to 1.
        end_ratio: share of the peak that the cosine ends at.
    """
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    return end_ratio + (1 - end_ratio) * (1 + math.cos(math.pi * done)) / 2
