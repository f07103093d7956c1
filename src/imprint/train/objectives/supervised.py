"""Supervised training: cross-entropy of one augmented view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from imprint.core.errors import ImprintError
from imprint.nets.image_model import ImageModel
from imprint.train.objective import OBJECTIVES, Objective


@dataclass(frozen=True)
class SupervisedOptions:
    """Settings of supervised training."""

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise ImprintError(
                f"label_smoothing of supervised is {self.label_smoothing}: it must lie in [0, 1)"
            )


@OBJECTIVES.register("supervised")
class Supervised(Objective):
    """Cross-entropy between the logits of the first view and the labels."""

    view_count = 1
    Options = SupervisedOptions

    def embed(self, model: ImageModel, views: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
        """Return the logits of the first view."""
        return [model.embed(views[0], "logits").float()]

    def loss(self, embeddings: Sequence[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        """Return the mean cross-entropy in nats."""
        (logits,) = embeddings
        return F.cross_entropy(logits, labels, label_smoothing=self.options.label_smoothing)
