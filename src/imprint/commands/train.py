"""``imprint train``: one network on one set of images."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imprint.study.command import command
from imprint.study.listing import listed
from imprint.study.options import Common, DataChoice
from imprint.train.options import TrainOptions

listed("architectures", "architectures by name", "imprint.nets.registry:ARCHITECTURES")
listed("objectives", "training objectives", "imprint.train.objective:OBJECTIVES")
listed("recipes", "published recipes for --config", "imprint.recipes:describe_recipes")


@command("train", "train one network")
@dataclass(frozen=True, kw_only=True)
class Train(DataChoice, Common):
    """Train one network; the weights and their card go to OUT/network.

    Under torchrun --nproc-per-node N -m imprint train, each process trains on its share of each
    batch, and the first one writes.
    """

    indices: Path | None = None
    """A .npy file of image indices to train on, e.g. of imprint data split; all when left out."""
    held_out: Path | None = None
    """A .npy file of image indices that online probes are measured on; all that are not trained on
    when left out."""
    train: TrainOptions = field(default_factory=TrainOptions)
    """How the network is trained."""

    def run(self) -> dict[str, Any] | None:
        """Train; return where the weights are and what the last epoch logged."""
        from imprint.core.device import choose_device
        from imprint.data.choice import open_choice
        from imprint.study.store import Study
        from imprint.train.command import read_held_out, read_indices, train_network

        images = open_choice(self, self.seed)
        indices = read_indices(self.indices, images)
        return train_network(
            Study(self.out),
            images,
            indices,
            self.train,
            self.seed,
            choose_device(self.device),
            read_held_out(self.held_out, images, indices),
        )
