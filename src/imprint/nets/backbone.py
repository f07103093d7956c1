"""What every network of imprint offers: pooled features, and a classifier apart from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol, runtime_checkable

from torch import Tensor, nn

Weights = dict[str, Tensor]
"""Tensors by name."""


class Backbone(nn.Module):
    """A network split in two: ``features`` up to the pooled representation, then ``classifier``.

    A family subclasses it, sets ``feature_width``, defines ``features`` and keeps the parameter
    names of its published checkpoints.

    Attributes:
        features: normalised images ``[b, channels, H, W]`` to pooled features ``[b, d]``: a method,
            or the submodule where published checkpoints call one so.
        feature_width: d, the width of the pooled features.
        classifier_name: the submodule that turns features into outputs.
        any_size: whether images of another side than the one it was built for may pass.
    """

    classifier_name: ClassVar[str] = "classifier"
    any_size: ClassVar[bool] = True
    feature_width: int
    features: Callable[[Tensor], Tensor]

    @property
    def classifier(self) -> nn.Module | None:
        """The part behind the features, or None for a network that ends in them."""
        return self._modules.get(self.classifier_name)

    @property
    def has_outputs(self) -> bool:
        """Whether the network ends in outputs, and not in its features."""
        return self.classifier is not None

    @property
    def published(self) -> nn.Module:
        """The module whose parameter names are those of the checkpoints: most often itself."""
        return self

    def features_and_outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features ``[b, d]`` and outputs ``[b, outputs]`` where both exist."""
        features = self.features(images)
        assert self.classifier is not None
        return features, self.classifier(features)

    def forward(self, images: Tensor) -> Tensor:
        """Return the outputs ``[b, outputs]``, or the features where there is no classifier."""
        features = self.features(images)
        classifier = self.classifier
        return features if classifier is None else classifier(features)


@runtime_checkable
class Assembled(Protocol):
    """A backbone with a projector and a head behind it, as an ``ImageModel`` is."""

    network: Backbone
    projector: nn.Module
    head: nn.Module | None

    def named_weights(self) -> Weights:
        """Return all tensors by the names of files of weights."""
        ...


def linear_classifier(width: int, outputs: int | None) -> nn.Linear | None:
    """Return the linear layer from features to outputs, None for a network without one."""
    return None if outputs is None else nn.Linear(width, outputs)


def he_initialise(network: nn.Module) -> None:
    """Draw every convolution from N(0, 2 / fan-out) (He et al. 2015, eq. 14)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
