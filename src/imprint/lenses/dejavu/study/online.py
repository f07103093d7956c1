"""The déjà vu test while an encoder trains: accuracy on crops of its members and of others.

One encoder alone guesses the images of A and of B from their backgrounds. It is the target of its
own set and the reference of the other, so the two logs of A and B together hold the two-model test
of every tested epoch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from imprint.core.arrays import IntArray
from imprint.core.device import DeviceName
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.dejavu.options import AttackChoice, CropAttackChoice, attack_of
from imprint.lenses.dejavu.study.backgrounds import AttackedSet
from imprint.lenses.dejavu.study.guess import SIDES, guess, settled_layer
from imprint.nets.image_model import ImageModel
from imprint.probe.embeddings import embed
from imprint.study.counted import uncounted
from imprint.study.plain import JsonObject

OnEpochEnd = Callable[[ImageModel, int], JsonObject]


@dataclass(frozen=True)
class OnlineAttack:
    """An attack on an encoder after every few epochs of its training.

    Attributes:
        every: so many epochs; it divides the epochs that are tested.
        attack: how neighbours vote.
        public: int64 ``[M]``, the public images.
        centre_fraction: share of the shorter side that their centre squares keep.
        attacked: the crops of A and B.
        search_device: where neighbours are searched.
    """

    every: int
    attack: AttackChoice
    public: IntArray
    centre_fraction: float
    attacked: AttackedSet
    search_device: DeviceName = uncounted(default="auto")

    @classmethod
    def of(
        cls, every: int, options: CropAttackChoice, public: IntArray, attacked: AttackedSet
    ) -> OnlineAttack:
        """Return the attack that options describe; it always reports all images."""
        attack = replace(attack_of(options), top_percent=(100,))
        return cls(every, attack, public, options.centre_fraction, attacked, options.device)

    def on_epoch_end(self, images: ImageSet, device: torch.device) -> OnEpochEnd:
        """Return what is called with the network and the number of epochs done.

        It returns ``{"attack": {"A": …, "B": …}}``, the accuracy on the crops of each set, or
        nothing where the epoch is not due.
        """
        layer = settled_layer(self.attack)
        public = View(images, self.public, self.centre_fraction)
        crops = self.attacked.crops(images)

        def attack_epoch(model: ImageModel, epoch: int) -> JsonObject:
            if epoch % self.every:
                return {}
            embeddings = [
                embed({"network": model.to(device)}, view, (layer,), f"embed {name}")["network"]
                for name, view in (("crops", crops), ("public", public))
            ]
            crop_rows, public_rows = (each[layer] for each in embeddings)
            guesses = guess(
                crop_rows, public_rows, self.public, images, self.attack, self.search_device
            )
            hits = guesses.votes.hits(crops.labels, self.attack.top_classes)
            of_side = {name: hits[self.attacked.side == row] for row, name in enumerate(SIDES)}
            return {"attack": {name: float(np.mean(right)) for name, right in of_side.items()}}

        return attack_epoch
