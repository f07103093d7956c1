"""DINO: predict a momentum teacher's output on the whole image from crops (Caron et al. 2021).

L = mean over teacher views i and other student views j of −Σ Pᵢ log Qⱼ (eq. 3), with
Q = softmax(s / τ_s) of the network's outputs and P = softmax((t − c) / τ_t) of its teacher's. The
teacher sees the two large views alone; c is a moving average of its outputs over the batches of
all processes (eq. 4).

Outputs are products of unit embeddings with ``prototypes`` unit vectors, the weight-normalised
last layer with its norms held at 1; or, with none, the embeddings themselves, which learned less on
the embedded data: a probe read 0.68 of the held-out classes off the backbone instead of 0.96.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from torch import nn
from torch.nn import functional as F

from imprint.core.bounds import Bounds, Checked, OptionError
from imprint.core.errors import ImprintError
from imprint.data.augmentation import Augmentation
from imprint.nets.heads import linear_widths
from imprint.nets.image_model import ImageModel
from imprint.train.gather import all_sum, world_size
from imprint.train.objective import OBJECTIVES, Objective, embed_views
from imprint.train.teacher import follow, new_teacher, teacher_momentum

LARGE = 2
# Published: crops of 96 pixels beside views of 224.
SMALL_SHARE = 3 / 7
SMALL_STEP = 8


@dataclass(frozen=True)
class DINOOptions(Checked):
    """Settings of DINO."""

    student_temperature: Annotated[float, Bounds(above=0)] = 0.1
    teacher_temperature_start: Annotated[float, Bounds(above=0)] = 0.04
    teacher_temperature: Annotated[float, Bounds(above=0)] = 0.07
    """At the end of the warm-up, and from then on."""
    teacher_warmup: Annotated[float, Bounds(least=0, most=1)] = 0.05
    """Share of the training over which the teacher's temperature moves, in a straight line."""
    centre_momentum: Annotated[float, Bounds(least=0, most=1)] = 0.9
    momentum: Annotated[float, Bounds(least=0, most=1)] = 0.996
    """Of the teacher at the start; a cosine leads to 1."""
    prototypes: Annotated[int, Bounds(least=0)] = 256
    """Outputs of the weight-normalised last layer (published: 65,536); 0 for no such layer."""
    small_crops: Annotated[int, Bounds(least=0)] = 4
    small_size: Annotated[int, Bounds(least=0)] = 0
    """Side of the small crops in pixels; 0 for 3/7 of the large views', in multiples of 8."""
    small_scale_least: Annotated[float, Bounds(above=0)] = 0.05
    small_scale_most: Annotated[float, Bounds(most=1)] = 0.4
    """Least and greatest area of the small crops, as shares of the image."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.small_scale_least > self.small_scale_most:
            raise OptionError.of(
                self, "small_scale_least", f"be at most small_scale_most ({self.small_scale_most})"
            )


@OBJECTIVES.register("dino")
class DINO(Objective):
    """Every view's outputs meet those of the teacher for the other large views."""

    Options = DINOOptions
    options: DINOOptions

    def __init__(self, model: ImageModel, options: DINOOptions) -> None:
        super().__init__(model, options)
        self.view_count = LARGE + options.small_crops
        self.compares_directions = options.prototypes > 0
        self._check_size(model)
        width = (linear_widths(model.projector) or (model.network.feature_width,))[-1]
        self.teacher = new_teacher(model)
        self.prototypes = Prototypes(width, options.prototypes) if options.prototypes else None
        self.teacher_prototypes = new_teacher(self.prototypes) if self.prototypes else None
        self.centre: torch.Tensor
        self.register_buffer("centre", torch.zeros(options.prototypes or width))
        self.temperature = options.teacher_temperature_start
        self._seen: torch.Tensor | None = None

    def augmentations(self, first: Augmentation, second: Augmentation) -> tuple[Augmentation, ...]:
        """Return the two large views as given, and small crops that are else like the first."""
        scale = (self.options.small_scale_least, self.options.small_scale_most)
        small = replace(first, crop="resized", scale=scale)
        return (first, second, *[small] * self.options.small_crops)

    def view_sizes(self, size: int) -> tuple[int, ...]:
        """Return the side of the large views twice, then that of every small crop."""
        small = self.options.small_size or max(
            SMALL_STEP, round(size * SMALL_SHARE / SMALL_STEP) * SMALL_STEP
        )
        return (size,) * LARGE + (small,) * self.options.small_crops

    def embed(self, model: ImageModel, views: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
        """Return the embeddings of all views, then the teacher's of the large ones."""
        assert self.teacher is not None
        large, small = views[:LARGE], views[LARGE:]
        with torch.no_grad():
            targets = embed_views(self.teacher, large)
        embeddings = embed_views(model, large)
        return [*embeddings, *(embed_views(model, small) if small else ()), *targets]

    def loss(self, embeddings: Sequence[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        """Return the loss of all views' embeddings and the teacher's."""
        outputs, targets = (
            torch.cat(list(part)) for part in (embeddings[:-LARGE], embeddings[-LARGE:])
        )
        if self.prototypes is not None and self.teacher_prototypes is not None:
            outputs = self.prototypes(outputs)
            targets = self.teacher_prototypes(targets)
        self._seen = all_sum(targets.mean(dim=0)) / world_size()
        return dino_loss(
            outputs.chunk(len(embeddings) - LARGE),
            (targets - self.centre).chunk(LARGE),
            self.options.student_temperature,
            self.temperature,
        )

    def before_step(self, progress: float) -> None:
        """Set the temperature of the teacher."""
        self.temperature = warmed_up(
            self.options.teacher_temperature_start,
            self.options.teacher_temperature,
            self.options.teacher_warmup,
            progress,
        )

    def after_step(self, model: ImageModel, progress: float) -> None:
        """Let the teacher follow the network, and the centre the teacher's outputs."""
        assert self.teacher is not None
        assert self._seen is not None
        self.centre.lerp_(self._seen, 1 - self.options.centre_momentum)
        momentum = teacher_momentum(self.options.momentum, progress)
        follow(self.teacher, model, momentum)
        if self.prototypes is not None and self.teacher_prototypes is not None:
            follow(self.teacher_prototypes, self.prototypes, momentum)

    def _check_size(self, model: ImageModel) -> None:
        size = model.input_size
        small = self.view_sizes(size)[-1]
        if small != size and not model.network.any_size:
            raise ImprintError(
                f"the network takes images of {size} × {size} pixels alone, not small crops of "
                f"{small}: give objective dino small_crops=0 or small_size={size}"
            )


class Prototypes(nn.Module):
    """Products of unit embeddings ``[b, width]`` with ``count`` unit vectors, ``[b, count]``."""

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(count, width))

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Return the cosines."""
        return F.normalize(embeddings, dim=1) @ F.normalize(self.weight, dim=1).T


def dino_loss(
    outputs: Sequence[torch.Tensor],
    targets: Sequence[torch.Tensor],
    student_temperature: float,
    teacher_temperature: float,
) -> torch.Tensor:
    """Return the mean cross-entropy in nats over all pairs of different views.

    Args:
        outputs: of the network, ``[b, d]`` a view, the large views first.
        targets: centred outputs of the teacher, ``[b, d]`` a large view.
        student_temperature: τ_s.
        teacher_temperature: τ_t.
    """
    logs = [F.log_softmax(output / student_temperature, dim=1) for output in outputs]
    aims = [F.softmax(target / teacher_temperature, dim=1) for target in targets]
    pairs = [
        -(aim * log).sum(dim=1).mean()
        for i, aim in enumerate(aims)
        for j, log in enumerate(logs)
        if i != j
    ]
    return torch.stack(pairs).mean()


def warmed_up(start: float, end: float, share: float, progress: float) -> float:
    """Return ``start`` at progress 0, ``end`` from progress ``share`` on, a line between.

    >>> [round(warmed_up(0.04, 0.08, 0.5, progress), 3) for progress in (0, 0.25, 0.5, 1)]
    [0.04, 0.06, 0.08, 0.08]
    """
    if progress >= share:
        return end
    return start + (end - start) * progress / share
