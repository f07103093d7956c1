"""What a training objective is, and how one is found by name.

An objective is one file in ``train/objectives`` with one decorated class. It may own modules (a
predictor, a teacher); they are trained, saved and resumed with the network.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, get_type_hints

import torch
from torch import nn

from imprint.core.bounds import OptionError
from imprint.core.errors import ImprintError
from imprint.core.registry import Registry
from imprint.data.augmentation import Augmentation
from imprint.nets.image_model import ImageModel, Layer


class Objective(nn.Module):
    """Loss of a network on views of a batch: :meth:`embed` runs the network, :meth:`loss` the rest.

    Attributes:
        view_count: how many augmented views of each image the loss needs.
        compares_directions: whether the loss looks at embeddings of unit length, so that their own
            length says nothing about a collapse.
        teacher: the network that follows the trained one, where the objective has one.
        Options: a frozen dataclass of the objective's own settings.
    """

    view_count: int = 2
    compares_directions: bool = False
    teacher: ImageModel | None
    Options: ClassVar[type]

    def __init__(self, model: ImageModel, options: Any) -> None:
        super().__init__()
        self.options = options
        self.teacher = None

    def forward(
        self, model: ImageModel, views: Sequence[torch.Tensor], labels: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss and the embeddings it was computed from.

        Autocast reaches the network alone: sums over a batch overflow float16 and lose the digits
        of bfloat16.

        Args:
            model: the network being trained.
            views: ``view_count`` tensors, float32 ``[b, C, S, S]`` in [0, 1]; see
                :meth:`view_sizes` for S.
            labels: int64 ``[b]``; self-supervised objectives ignore them.

        Returns:
            scalar float32 loss, and float32 embeddings ``[b, d]`` of the first view (watched for
            collapse).
        """
        embeddings = self.embed(model, views)
        with torch.autocast(views[0].device.type, enabled=False):
            return self.loss(embeddings, labels), embeddings[0]

    def augmentations(self, first: Augmentation, second: Augmentation) -> tuple[Augmentation, ...]:
        """Return how each view is made, given the settings of the first and of the second."""
        return (first, second)[: self.view_count]

    def view_sizes(self, size: int) -> tuple[int, ...]:
        """Return the side of each view in pixels, given that of the first."""
        return (size,) * self.view_count

    def embed(self, model: ImageModel, views: Sequence[torch.Tensor]) -> Sequence[torch.Tensor]:
        """Return what the loss compares, float32 ``[b, d]`` a view; see :func:`embed_views`."""
        return embed_views(model, views)

    def loss(self, embeddings: Sequence[torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        """Return the scalar loss of the embeddings; autocast is off here."""
        raise NotImplementedError

    def before_step(self, progress: float) -> None:
        """Set what is scheduled; ``progress`` runs from 0 to just below 1."""

    def after_step(self, model: ImageModel, progress: float) -> None:
        """Update what follows the network without gradients; ``progress`` runs from 0 to 1."""


OBJECTIVES: Registry[type[Objective]] = Registry(
    "objective", "imprint.train.objectives", group="imprint.objectives"
)


def build_objective(name: str, model: ImageModel, settings: Mapping[str, str]) -> Objective:
    """Return the objective ``name`` for ``model``.

    Args:
        name: a registered name.
        model: the network to be trained.
        settings: values of the objective's options, as text.

    Raises:
        ImprintError: unknown objective, unknown option, or a value of the wrong type.
    """
    kind = OBJECTIVES.get(name)
    return kind(model, _read_options(name, kind.Options, settings))


def embed_views(
    model: ImageModel, views: Sequence[torch.Tensor], layer: Layer | None = None
) -> tuple[torch.Tensor, ...]:
    """Return the embeddings of all views from one forward pass over their concatenation.

    They are the model's last embedding, unless another layer is named.
    """
    together = model.embed(torch.cat(list(views)), layer or model.last_embedding)
    return together.float().chunk(len(views))


def _read_options(name: str, kind: type, settings: Mapping[str, str]) -> Any:
    types = get_type_hints(kind)
    known = {field.name for field in dataclasses.fields(kind)}
    values = {}
    for key, text in settings.items():
        if key not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise ImprintError(f"objective {name!r} has no option {key!r}; it has: {listed}")
        try:
            values[key] = types[key](text)
        except ValueError:
            raise ImprintError(
                f"option {key!r} of objective {name!r} must be {types[key].__name__}, got {text!r}"
            ) from None
    try:
        return kind(**values)
    except OptionError as error:
        raise ImprintError(
            f"option {error.name!r} of objective {name!r} {error.complaint}"
        ) from error
