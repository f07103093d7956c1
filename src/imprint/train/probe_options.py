"""What can be chosen about linear probes: after training, and along with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from imprint.core.bounds import Bounds, Checked


@dataclass(frozen=True)
class ProbeOptions(Checked):
    """How the linear probe is trained."""

    layer: Literal["backbone", "projector"] = "backbone"
    """The representation the probe is trained on."""
    epochs: Annotated[int, Bounds(least=1)] = 20
    """Passes over the training images."""
    batch_size: Annotated[int, Bounds(least=1)] = 64
    """Images per step."""
    start_learning_rate: Annotated[float, Bounds(least=0)] = 10.0
    """Learning rate of the first step; it falls in a straight line."""
    end_learning_rate: Annotated[float, Bounds(least=0)] = 0.1
    """Learning rate of the last step."""


@dataclass(frozen=True)
class OnlineProbeOptions(Checked):
    """Linear probes of every depth that learn along with the network."""

    on: bool = False
    """Train linear probes during training; detached: no gradient reaches the encoder."""
    learning_rate: Annotated[float, Bounds(above=0)] = 1e-4
    """Learning rate of AdamW, constant."""
    weight_decay: Annotated[float, Bounds(least=0)] = 0.01
    """Weight decay of the probes."""
    validate_every: Annotated[int, Bounds(least=1)] = 1
    """Epochs between measurements of the held-out accuracy, which is also measured after the
    last."""


@dataclass(frozen=True)
class ProbeAccuracy:
    """Accuracy of a probe on one set: shares in [0, 1] of ``n`` images."""

    top1: float
    top5: float
    n: int


@dataclass(frozen=True)
class ProbeAccuracies:
    """Accuracy of a probe on the images its encoder was trained on, and on others."""

    train: ProbeAccuracy
    held_out: ProbeAccuracy
