"""``imprint train``: one network on one set of images."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from imprint.study.command import command
from imprint.study.listing import listed
from imprint.study.option_types import Formerly
from imprint.study.options import Common, DataChoice
from imprint.train.options import TrainOptions

if TYPE_CHECKING:
    from imprint.train.command import TrainedNetwork

listed("architectures", "architectures by name", "imprint.nets.registry:ARCHITECTURES")
listed(
    "text-architectures",
    "classifiers of token ids by name",
    "imprint.nets.text.registry:TEXT_ARCHITECTURES",
)
listed("objectives", "training objectives", "imprint.train.objective:OBJECTIVES")
listed("recipes", "published recipes for --config", "imprint.recipes:describe_recipes")


@command(
    "train",
    "train one network",
    example="--data photos/ --members runs/parts/split/100_per_class/train_A.npy --out runs/A",
    main=(
        *("out", "data", "layout", "members", "non_members"),
        *("train.objective", "train.architecture", "train.projector", "train.input_size"),
        *("train.epochs", "train.batch_size", "train.optimizer", "train.learning_rate"),
        *("train.weight_decay", "train.precision", "train.snapshot_every"),
    ),
)
@dataclass(frozen=True, kw_only=True)
class TrainNetwork(DataChoice, Common):
    """Train one network; write the weights and their model card to OUT/network.

    Under torchrun --nproc-per-node N -m imprint train, each process trains on its share of each
    batch, and the first one writes.
    """

    members: Annotated[Path | None, Formerly("indices")] = None
    """A .npy file of image indices to train on, e.g. of imprint data split; default: all images."""
    non_members: Annotated[Path | None, Formerly("held_out")] = None
    """A .npy file of image indices that online probes are measured on; default: all images that
    are not trained on."""
    train: TrainOptions = field(default_factory=TrainOptions)
    """How the network is trained."""

    def run(self) -> TrainedNetwork | None:
        """Train; return where the weights are and what the last epoch logged."""
        from imprint.core.device import choose_device
        from imprint.data.choice import open_choice
        from imprint.data.index_list import read_held_out, read_indices
        from imprint.study.store import Study
        from imprint.train.command import train_network

        images = open_choice(self, self.seed)
        members = read_indices(self.members, images)
        return train_network(
            Study(self.out),
            images,
            members,
            self.train,
            self.seed,
            choose_device(self.device),
            read_held_out(self.non_members, images, members),
        )
