"""BYOL: predict a momentum encoder's projection of the other view (Grill et al. 2020).

L = mean over the batch of (2 − 2 cos(p₁, t₂)) + (2 − 2 cos(p₂, t₁)) (eq. 2), p the predictions
of the network's embeddings and t the embeddings of its teacher, which takes no gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import nn
from torch.nn import functional as F

from imprint.core.bounds import Bounds, Checked
from imprint.core.errors import ImprintError
from imprint.nets.heads import build_projector, linear_widths, projector_widths
from imprint.nets.image_model import ImageModel
from imprint.train.objective import OBJECTIVES, Objective, embed_views
from imprint.train.teacher import follow, new_teacher, teacher_momentum


@dataclass(frozen=True)
class BYOLOptions(Checked):
    """Settings of BYOL."""

    momentum: Annotated[float, Bounds(least=0, most=1)] = 0.996
    """Of the teacher at the start; a cosine leads to 1."""
    predictor: str = ""
    """Widths of the predictor, joined by dashes; empty for those of the projector."""


@OBJECTIVES.register("byol")
class BYOL(Objective):
    """Each view's prediction meets the teacher's embedding of the other."""

    Options = BYOLOptions
    compares_directions = True

    def __init__(self, model: ImageModel, options: BYOLOptions) -> None:
        super().__init__(model, options)
        self.teacher = new_teacher(model)
        self.predictor = _build_predictor(model, options.predictor)

    def embed(self, model: ImageModel, views: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
        """Return the embeddings of both views, then the teacher's."""
        assert self.teacher is not None
        with torch.no_grad():
            targets = embed_views(self.teacher, views)
        return [*embed_views(model, views), *targets]

    def loss(self, embeddings: Sequence[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        """Return the loss of both views' embeddings and the teacher's."""
        first, second, first_target, second_target = embeddings
        predictions = self.predictor(torch.cat([first, second]))
        return byol_loss(predictions, torch.cat([second_target, first_target]))

    def after_step(self, model: ImageModel, progress: float) -> None:
        """Let the teacher follow the network."""
        assert self.teacher is not None
        follow(self.teacher, model, teacher_momentum(self.options.momentum, progress))


def byol_loss(predictions: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Return twice the mean over 2b rows, ``[2b, d]`` each, of 2 − 2 cos(prediction, target)."""
    return 2 * (2 - 2 * F.cosine_similarity(predictions, targets)).mean()


def _build_predictor(model: ImageModel, text: str) -> nn.Module:
    widths = linear_widths(model.projector) or (model.network.feature_width,) * 2
    text = text or "-".join(map(str, widths))
    if projector_widths(text)[-1] != widths[-1]:
        raise ImprintError(
            f"predictor of byol is {text}: it must end in {widths[-1]}, the width of the embeddings"
        )
    return build_projector(widths[-1], text)
