"""A trained diffusion model in a file: averaged weights as safetensors, the card beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from imprint.core.bounds import OptionError
from imprint.core.errors import ImprintError
from imprint.lenses.reconstruct.diffusion.network import ConditionalUNet
from imprint.lenses.reconstruct.options import Conditioning, DiffusionOptions, UNetOptions
from imprint.nets.checkpoint import read_weights, write_weights
from imprint.study.finding import read_finding, write_finding

MAX_CONDITION_WIDTH = 1 << 20


@dataclass(frozen=True)
class RunCard:
    """What it takes to build a diffusion model and to use it.

    Attributes:
        channels: of its images, 1 or 3.
        conditioning: which representations of the encoder it takes.
        condition_width: their dimensions in all.
        encoder: hash of the weights of the encoder that made them.
        unet: the shape of the network.
        diffusion: the noise, and what is predicted.
        training: how it was trained, for people to read.
    """

    channels: int
    conditioning: Conditioning
    condition_width: int
    encoder: str
    unet: UNetOptions
    diffusion: DiffusionOptions
    training: Mapping[str, str | int | float | bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ImprintError(f"channels must be 1 or 3, got {self.channels}")
        if not 1 <= self.condition_width <= MAX_CONDITION_WIDTH:
            raise ImprintError(
                f"condition_width must be 1 to {MAX_CONDITION_WIDTH}, got {self.condition_width}"
            )

    def build(self) -> ConditionalUNet:
        """Return the network with fresh weights, drawn by torch's global generator.

        Raises:
            ImprintError: diffusers is missing.
        """
        outputs = 2 if self.diffusion.learned_variance else 1
        return ConditionalUNet(self.unet, self.channels, self.condition_width, outputs)


def save_network(path: Path, network: ConditionalUNet, card: RunCard) -> None:
    """Write weights to ``NAME.safetensors`` and the card to ``NAME.json``, each whole or not."""
    write_finding(path.with_suffix(".json"), card)
    write_weights(path, network.state_dict())


def read_run_card(path: Path) -> RunCard:
    """Return the card beside weights.

    Raises:
        ImprintError: it is missing, or does not describe a diffusion model.
    """
    return read_finding(RunCard, path.with_suffix(".json"))


def load_network(path: Path, card: RunCard, device: torch.device) -> ConditionalUNet:
    """Return the network of a file, in evaluation mode.

    No memory is taken for other shapes than those in the file.

    Raises:
        ImprintError: the file cannot be read, or does not fit its card.
    """
    weights = read_weights(path)
    try:
        with torch.device("meta"):
            network = card.build()
        if not all(weight.is_floating_point() for weight in weights.values()):
            raise RuntimeError("no floating-point numbers")
        network.load_state_dict(weights, strict=True, assign=True)
    except (RuntimeError, OptionError) as error:
        raise ImprintError(
            f"the weights {path} do not fit their card: train the run again"
        ) from error
    if not is_finite(network):
        raise ImprintError(
            f"the weights {path} hold NaN or infinity: they are damaged, train the run again"
        )
    return network.float().to(device).eval().requires_grad_(False)


def is_finite(network: torch.nn.Module) -> bool:
    """Return whether all weights and buffers are numbers."""
    return all(bool(torch.isfinite(value).all()) for value in network.state_dict().values())
