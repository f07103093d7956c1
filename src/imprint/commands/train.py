"""``imprint train``: one network on one set of images."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imprint.options import Common, DataChoice
from imprint.train.options import TrainOptions


@dataclass(frozen=True, kw_only=True)
class Train(DataChoice, Common):
    """Train one network; the weights and their card go to OUT/network.

    Under torchrun, every process trains on its share of each batch.
    """

    indices: Path | None = None
    """A .npy file of image indices to train on, e.g. of imprint data split; all when left out."""
    train: TrainOptions = field(default_factory=TrainOptions)
    """How the network is trained."""

    def run(self) -> dict[str, Any]:
        """Train; return where the weights are and what the last epoch logged."""
        from imprint.train.study import train_study

        return train_study(self, self.train, self.indices)
