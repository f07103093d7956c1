"""What can be chosen about the linear probe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from imprint.errors import ImprintError


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
