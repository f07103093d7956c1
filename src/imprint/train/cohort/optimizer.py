"""The optimiser of a cohort's models, one alone or a stack of them."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import nn

from imprint.nets.image_model import ImageModel
from imprint.train.cohort.options import CohortOptions


class Learner(Protocol):
    """M models that take one step together."""

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits ``[M, b, classes]`` of images ``[M, b, C, S, S]``."""
        ...

    def parameters(self) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return the tensors with weight decay and those without, each for all M models."""
        ...

    def models(self) -> list[ImageModel]:
        """Return the M networks with their present weights."""
        ...


def peak_learning_rate(options: CohortOptions) -> float:
    """Return the highest learning rate: ``learning_rate`` × batch size / 256."""
    return options.learning_rate * options.batch_size / 256


def split_by_decay(
    parameters: list[torch.Tensor], axes: int
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Split tensors: those of more than ``axes`` axes, which decay, and the others."""
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    decayed = [parameter for parameter in trained if parameter.ndim > axes]
    return decayed, [parameter for parameter in trained if parameter.ndim <= axes]


def build_optimizer(
    model: Learner | nn.Module, options: CohortOptions, device: torch.device
) -> torch.optim.Optimizer:
    """Return the optimiser of ``options`` over one model or a stack."""
    decayed, plain = (
        split_by_decay(list(model.parameters()), axes=1)
        if isinstance(model, nn.Module)
        else model.parameters()
    )
    groups = [
        {"params": decayed, "weight_decay": options.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    peak = peak_learning_rate(options)
    fused = device.type in ("cpu", "cuda")
    if options.optimizer == "sgd":
        return torch.optim.SGD(
            groups, lr=peak, momentum=options.momentum, nesterov=options.momentum > 0, fused=fused
        )
    return torch.optim.AdamW(groups, lr=peak, betas=(options.momentum, 0.999), fused=fused)
