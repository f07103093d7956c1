"""A network that takes images in [0, 1] and normalises them itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from imprint.core.arrays import Pixels
from imprint.core.errors import ImprintError
from imprint.nets.backbone import Backbone
from imprint.nets.heads import linear_widths, projector_stages
from imprint.nets.model_card import check_normalisation
from imprint.nets.outputs import OutputRule
from imprint.nets.wrapped import as_backbone
from imprint.study.hashing import hash_arrays

Layer = Literal["backbone", "projector", "logits"]
NETWORK = "network."
"""Beginning of the names of the network's own tensors."""
LAYERS: tuple[Layer, ...] = get_args(Layer)


class ImageModel(nn.Module):
    """A network that takes images in [0, 1] and normalises them itself.

    Args:
        network: a :class:`Backbone`, or any other module, which is wrapped.
        channels: of the images.
        input_size: side of the images in pixels.
        mean: one number, or one a channel.
        std: one positive number, or one a channel.
        projector: maps features ``[b, d]`` to embeddings ``[b, e]``; None is the identity.
        head: maps the projector's embeddings to logits; None leaves logits to the network.
        output: how the output is picked from what a wrapped module returns. With its ``outputs``
            the output is logits; without, it is features, unless there are ``features`` and a
            ``classifier``.

    Raises:
        ImprintError: mean and std do not fit, or the network does not take such images or gives
            other outputs.
    """

    def __init__(
        self,
        network: nn.Module,
        channels: int,
        input_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        projector: nn.Module | None = None,
        head: nn.Module | None = None,
        output: OutputRule | None = None,
    ) -> None:
        super().__init__()
        check_normalisation(channels, mean, std)
        self.channels = channels
        self.input_size = input_size
        self.network: Backbone = as_backbone(network, channels, input_size, output)
        self.projector = nn.Identity() if projector is None else projector
        self.head = head
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", _per_channel(mean), persistent=False)
        self.register_buffer("std", _per_channel(std), persistent=False)
        self._depths: dict[str, Tensor] | None = None

    @property
    def has_logits(self) -> bool:
        """Whether there is a classifier."""
        return self.head is not None or self.network.has_outputs

    @property
    def has_projector(self) -> bool:
        """Whether there is a projector behind the backbone."""
        return not isinstance(self.projector, nn.Identity)

    @property
    def depths(self) -> dict[str, int]:
        """Names and widths of what :meth:`watched` collects from a pass to the last embedding."""
        stages = enumerate(linear_widths(self.projector), start=1)
        return {"backbone": self.network.feature_width} | {
            f"projector_{number}": width for number, width in stages
        }

    @property
    def last_embedding(self) -> Layer:
        """The last layer before the classifier: the projector, or the backbone without one."""
        return "projector" if self.has_projector else "backbone"

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters(), self.mean).device

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The network, the projector and the head, by the beginnings of their tensors' names."""
        parts = {NETWORK: self.network.published, "projector.": self.projector}
        return parts if self.head is None else {**parts, "head.": self.head}

    def named_weights(self) -> dict[str, Tensor]:
        """Return all tensors by the names of files of weights."""
        return {
            prefix + name: tensor
            for prefix, module in self.parts.items()
            for name, tensor in module.state_dict().items()
        }

    def fingerprint(self) -> str:
        """Return the SHA-256 of its weights and buffers, in the order of its state."""
        return hash_arrays(*(value.cpu().numpy() for value in self.state_dict().values()))

    def to_inputs(self, pixels: Pixels) -> Tensor:
        """Return pixels ``[b, channels, H, W]`` as the model takes them, on its device.

        Returns:
            float32 in [0, 1], channels last in memory.
        """
        inputs = torch.from_numpy(pixels).to(self.device).float().div_(255)
        return inputs.contiguous(memory_format=torch.channels_last)

    def place(self, device: torch.device) -> ImageModel:
        """Move the network to a device, weights channels last; return itself."""
        self.to(device)
        return self.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]  # not in torch's stubs

    def normalise(self, images: Tensor) -> Tensor:
        """Return (images − mean) / std.

        Args:
            images: float ``[b, channels, H, W]`` in [0, 1].

        Raises:
            ImprintError: other channels, integers, or a side the network cannot take.
        """
        if images.ndim != 4 or images.shape[1] != self.channels:
            raise ImprintError(
                f"the network takes {self.channels}-channel images, "
                f"got shape {list(images.shape)}: use a network built for these images"
            )
        if not images.is_floating_point():
            raise ImprintError(f"the network takes floats in [0, 1], got {images.dtype}")
        if not self.network.any_size and images.shape[2:] != (self.input_size, self.input_size):
            raise ImprintError(
                f"the network takes images of {self.input_size} × {self.input_size} pixels, "
                f"got {images.shape[3]} × {images.shape[2]}"
            )
        return (images - self.mean) / self.std

    def forward(self, images: Tensor) -> Tensor:
        """Return the last layer there is: logits ``[b, outputs]``, else embeddings ``[b, e]``.

        Args:
            images: float ``[b, channels, H, W]`` in [0, 1].
        """
        return self.embed(images, "logits" if self.has_logits else self.last_embedding)

    def embed(self, images: Tensor, layer: Layer) -> Tensor:
        """Return one layer's representation of images.

        Args:
            images: float ``[b, channels, H, W]`` in [0, 1].
            layer: ``backbone`` is the pooled features ``[b, d]``, ``projector`` what the projector
                makes of them ``[b, e]``, ``logits`` the classifier's outputs ``[b, outputs]``.

        Raises:
            ImprintError: no such layer, or the images do not fit.
        """
        return self.embed_layers(images, (layer,))[layer]

    @contextmanager
    def watched(self) -> Iterator[dict[str, Tensor]]:
        """Collect what the next pass makes of its images at every depth, without gradients.

        Yields:
            a dictionary that the first pass inside fills: ``backbone``, then ``projector_1`` … for
            every stage of the projector that the pass goes through, each ``[b, d]``.
        """
        self._depths = {}
        try:
            yield self._depths
        finally:
            self._depths = None

    def embed_depths(self, images: Tensor) -> dict[str, Tensor]:
        """Return what one pass makes of images at every depth, without gradients.

        Args:
            images: float ``[b, channels, H, W]`` in [0, 1].

        Returns:
            ``backbone``, then ``projector_1`` … for every stage of the projector, ``[b, d]`` each.
        """
        with torch.no_grad(), self.watched() as depths:
            self.embed(images, self.last_embedding)
        return depths

    def embed_layers(self, images: Tensor, layers: Collection[Layer]) -> dict[Layer, Tensor]:
        """Return several layers' representations of images from one pass; see :meth:`embed`.

        Raises:
            ImprintError: no such layer, or the images do not fit.
        """
        for layer in layers:
            if layer not in LAYERS:
                raise ImprintError(f"no layer {layer!r}: choose one of {', '.join(LAYERS)}")
        if "logits" in layers and not self.has_logits:
            raise ImprintError(
                "the network has no classifier, so it has no logits: "
                f"choose the layer {self.last_embedding}"
            )
        if "projector" in layers and not self.has_projector:
            raise ImprintError("the network has no projector: choose --layer backbone")
        images = self.normalise(images)
        from_network = "logits" in layers and self.head is None
        if from_network and set(layers) == {"logits"} and self._depths is None:
            return {"logits": self.network(images)}
        embeddings: dict[Layer, Tensor] = {}
        if from_network:
            embeddings["backbone"], embeddings["logits"] = self.network.features_and_outputs(images)
        else:
            embeddings["backbone"] = self.network.features(images)
        self._see("backbone", embeddings["backbone"])
        if set(layers) - embeddings.keys():
            embeddings["projector"] = self._project(embeddings["backbone"])
        if self.head is not None and "logits" in layers:
            embeddings["logits"] = self.head(embeddings["projector"])
        return {layer: embeddings[layer] for layer in layers}

    def _project(self, features: Tensor) -> Tensor:
        if self._depths is None:
            projected: Tensor = self.projector(features)
            return projected
        for number, stage in enumerate(projector_stages(self.projector), start=1):
            features = stage(features)
            self._see(f"projector_{number}", features)
        return features

    def _see(self, depth: str, values: Tensor) -> None:
        if self._depths is not None:
            self._depths.setdefault(depth, values.detach())


def _per_channel(numbers: Sequence[float]) -> Tensor:
    return torch.tensor(list(numbers), dtype=torch.float32)[:, None, None]
