"""What can be chosen about linear probes: after training, and along with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from imprint.core.errors import ImprintError


@dataclass(frozen=True)
class ProbeOptions:
    """How the linear probe is trained."""

    layer: Literal["backbone", "projector"] = "backbone"
    """The representation the probe stands on."""
    epochs: int = 20
    """Passes over the training images."""
    batch_size: int = 64
    """Images a step."""
    start_learning_rate: float = 10.0
    """Learning rate of the first step; it falls in a straight line."""
    end_learning_rate: float = 0.1
    """Learning rate of the last step."""

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1:
            raise ImprintError(
                f"the probe needs at least 1 epoch and 1 image a batch, "
                f"got {self.epochs} and {self.batch_size}"
            )
        for name in ("start_learning_rate", "end_learning_rate"):
            rate = getattr(self, name)
            if not 0 <= rate < math.inf:
                raise ImprintError(f"the probe's {name} is {rate:g}: it must be 0 or more")


@dataclass(frozen=True)
class OnlineProbeOptions:
    """Linear probes of every depth that learn along with the network."""

    on: bool = False
    """Whether to train them; the network does not notice."""
    learning_rate: float = 1e-4
    """Of AdamW, constant."""
    weight_decay: float = 0.01
    """Weight decay of the probes."""
    validate_every: int = 1
    """Measure the held-out accuracy every so many epochs, and after the last."""

    def __post_init__(self) -> None:
        for name, holds, demand in (
            ("learning_rate", 0 < self.learning_rate < math.inf, "be above 0 and finite"),
            ("weight_decay", 0 <= self.weight_decay < math.inf, "be at least 0 and finite"),
            ("validate_every", self.validate_every >= 1, "be at least 1"),
        ):
            if not holds:
                raise ImprintError(
                    f"online probes: {name} is {getattr(self, name)!r}: it must {demand}"
                )
