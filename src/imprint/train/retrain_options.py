"""How fully connected networks are retrained, many at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from imprint.core.errors import ImprintError
from imprint.study.option_types import Numbers

Loss = Literal["cross_entropy", "squared"]
SLOWEST, FASTEST = 1e-20, 1e20
"""Learning rates that float32 has room for, and for their inverse."""


@dataclass(frozen=True, kw_only=True)
class RetrainOptions:
    """How networks are trained; what they are made of stands with the kernel."""

    width: int = 256
    """Width of each hidden layer (published: 1024)."""
    epochs: int = 50
    """Passes over the data."""
    batch_size: int = 50
    """Records of a step (published: 64)."""
    learning_rate: float = 0.05
    """Learning rate at the start (published, on 10,000 images: 0.001)."""
    drops: Numbers = (0.5, 0.7, 0.9)
    """Shares of the epochs after which the learning rate falls to a tenth."""
    loss: Loss = "cross_entropy"
    """cross_entropy, or squared: half the squared distance to the centred one-hot targets."""
    shuffle: bool = True
    """A new order each epoch, the same for all networks; otherwise one order (published)."""

    def __post_init__(self) -> None:
        if min(self.width, self.epochs, self.batch_size) < 1:
            raise ImprintError(
                f"width {self.width}, epochs {self.epochs} and batch_size {self.batch_size} "
                "must each be at least 1"
            )
        if not SLOWEST <= self.learning_rate <= FASTEST:
            raise ImprintError(
                f"learning_rate is {self.learning_rate:g}: it must be above 0, "
                f"from {SLOWEST:g} to {FASTEST:g}"
            )
        if not all(0 <= share <= 1 for share in self.drops):
            raise ImprintError(f"drops {list(self.drops)} must be shares of the epochs, 0 to 1")

    def rate(self, epoch: int) -> float:
        """Return the learning rate in force during an epoch, counted from 0."""
        # A share of the epochs such as 0.7 · 50 must not fall to 34.999….
        passed = sum(epoch >= share * self.epochs - 1e-9 for share in self.drops)
        return self.learning_rate * 0.1**passed

    def settings(self) -> Mapping[str, Any]:
        """Return the options as JSON values."""
        return {**asdict(self), "drops": list(self.drops)}
