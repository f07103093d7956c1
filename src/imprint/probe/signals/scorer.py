"""Any classifier as one function on tensors: imprint's own networks and models from elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imprint.core.errors import ImprintError
from imprint.nets.image_model import ImageModel

Forward = Callable[[Tensor], Tensor]
"""Images ``[b, channels, H, W]`` to logits ``[b, classes]``, each image by itself."""


class Scorer(Protocol):
    """A model that answers images with logits; enough for every black-box signal.

    It may be remote, or of another framework. Log-probabilities serve as logits.
    """

    @property
    def input_size(self) -> int:
        """Side of the square images it takes, in pixels."""
        ...

    def logits(self, inputs: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
        """Return logits ``[b, classes]`` for images float32 ``[b, channels, H, W]``.

        Pixels are in [0, 1], but for the steps of curvature, which may leave it by a little.
        """
        ...


SUMS_TO_ONE = 1e-3
"""How far the sum of a row of probabilities may be from 1, as that of rounded ones is."""


def are_probabilities(answers: NDArray[Any]) -> bool:
    """Return whether every row is a distribution over the classes rather than logits.

    Args:
        answers: ``[b, classes]``.
    """
    in_range = bool((answers >= 0).all() and (answers <= 1 + SUMS_TO_ONE).all())
    sums = answers.sum(axis=1, dtype=np.float64)
    return answers.shape[1] > 1 and in_range and bool((np.abs(sums - 1) <= SUMS_TO_ONE).all())


@dataclass(frozen=True)
class FromProbabilities:
    """A scorer made of a model that answers with probabilities: their logarithms are logits.

    Attributes:
        model: whose ``logits`` returns probabilities ``[b, classes]``.
    """

    model: Scorer

    @property
    def input_size(self) -> int:
        """Side of the square images it takes, in pixels."""
        return self.model.input_size

    def logits(self, inputs: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
        """Return log p, float64 ``[b, classes]``, of p at least 1e-38."""
        answers = np.asarray(self.model.logits(inputs), dtype=np.float64)
        return np.asarray(np.log(np.maximum(answers, np.finfo(np.float32).tiny)))


def forward_of(model: ImageModel | Scorer) -> Forward:
    """Return the model as a function: images ``[b, channels, H, W]`` to logits ``[b, classes]``."""
    if isinstance(model, ImageModel):
        return lambda images: model.embed(images, "logits")
    scorer = model

    def forward(images: Tensor) -> Tensor:
        logits = scorer.logits(images.numpy(force=True))
        return torch.from_numpy(np.ascontiguousarray(logits)).to(images.device)

    return forward


def dtype_of(model: ImageModel | Scorer) -> torch.dtype:
    """Return the dtype a model takes images in: that of its parameters, else float32."""
    parameters = model.parameters() if isinstance(model, ImageModel) else iter(())
    return next(parameters, torch.empty(0)).dtype


def unit_scale(
    model: ImageModel | Scorer, unit: Literal["normalised", "pixel"], name: str
) -> Tensor:
    """Return what one unit of a pixel is in inputs of [0, 1], ``[channels or 1, 1, 1]``.

    Raises:
        ImprintError: normalised units of a model that does not say how it normalises.
    """
    if unit == "pixel":
        return torch.ones(1, 1, 1)
    if isinstance(model, ImageModel):
        return model.std
    raise ImprintError(
        f"model {name} does not say how it normalises pixels: choose the unit pixel, with a step "
        "for inputs in [0, 1]"
    )


@dataclass(frozen=True)
class Classifier:
    """A model made ready for a pass.

    Attributes:
        name: in messages and tables.
        model: on its device, in evaluation mode.
        scale: one unit of a pixel in inputs of [0, 1], ``[channels or 1, 1, 1]``.
        dtype: of its inputs.
    """

    name: str
    model: ImageModel | Scorer
    scale: Tensor
    dtype: torch.dtype

    @property
    def forward(self) -> Forward:
        """The model as a function of images."""
        return forward_of(self.model)

    @property
    def network(self) -> ImageModel:
        """The model, of which white-box signals need gradients.

        Raises:
            ImprintError: it only answers with logits.
        """
        if isinstance(self.model, ImageModel):
            return self.model
        raise ImprintError(f"model {self.name} only answers with logits: drop white-box signals")
