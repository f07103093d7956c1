"""How fully connected networks are retrained, many at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from imprint.core.bounds import Bounds, Checked
from imprint.study.option_types import Numbers

Loss = Literal["cross_entropy", "squared"]


@dataclass(frozen=True, kw_only=True)
class RetrainOptions(Checked):
    """How networks are trained; what they are made of stands with the kernel."""

    width: Annotated[int, Bounds(least=1)] = 256
    """Width of each hidden layer (published: 1024)."""
    epochs: Annotated[int, Bounds(least=1)] = 50
    """Passes over the data."""
    batch_size: Annotated[int, Bounds(least=1)] = 50
    """Records per step (published: 64)."""
    learning_rate: Annotated[float, Bounds(least=1e-20, most=1e20)] = 0.05
    """Initial learning rate, within the range of float32 (published, on 10,000 images: 0.001)."""
    drops: Annotated[Numbers, Bounds(least=0, most=1)] = (0.5, 0.7, 0.9)
    """Shares of the epochs after which the learning rate falls to a tenth."""
    loss: Loss = "cross_entropy"
    """cross_entropy, or squared: half the squared distance to the centred one-hot targets."""
    shuffle: bool = True
    """A new order each epoch, the same for all networks; otherwise one order (published)."""

    def rate(self, epoch: int) -> float:
        """Return the learning rate in force during an epoch, counted from 0."""
        # A share of the epochs such as 0.7 · 50 must not fall to 34.999….
        passed = sum(epoch >= share * self.epochs - 1e-9 for share in self.drops)
        return self.learning_rate * 0.1**passed

    def settings(self) -> Mapping[str, Any]:
        """Return the options as JSON values."""
        return {**asdict(self), "drops": list(self.drops)}
