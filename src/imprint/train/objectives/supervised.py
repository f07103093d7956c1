"""Supervised training: cross-entropy of one augmented view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch.nn import functional as F

from imprint.core.bounds import Bounds, Checked
from imprint.nets.image_model import ImageModel
from imprint.train.objective import OBJECTIVES, Objective


@dataclass(frozen=True)
class SupervisedOptions(Checked):
    """Settings of supervised training."""

    label_smoothing: Annotated[float, Bounds(least=0, below=1)] = 0.0


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
