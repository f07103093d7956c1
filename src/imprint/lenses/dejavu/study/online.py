"""The déjà vu test while an encoder trains: accuracy on crops of its members and of others.

One encoder alone guesses the images of A and of B from their backgrounds. It is the target of its
own set and the reference of the other, so the two logs of A and B together hold the two-model test
of every tested epoch. Beside the log ``attack/epoch_NNNN.parquet`` keeps how the neighbours of each
crop voted and which public images they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.device import DeviceName
from imprint.data.imageset import ImageSet
from imprint.data.view import View
from imprint.lenses.dejavu.memorization.attack import CropGuesses
from imprint.lenses.dejavu.options import AttackChoice, CropAttackChoice, attack_of
from imprint.lenses.dejavu.study.backgrounds import AttackedSet
from imprint.lenses.dejavu.study.guess import SIDES, guess, settled_layer
from imprint.nets.image_model import ImageModel
from imprint.probe.embeddings import embed
from imprint.study.counted import uncounted
from imprint.study.plain import JsonObject
from imprint.study.tables import write_table

OnEpochEnd = Callable[[ImageModel, int], JsonObject]
VOTES_FOLDER = "attack"
"""Beside the log: ``epoch_NNNN.parquet`` of every tested epoch."""


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

    def on_epoch_end(
        self, images: ImageSet, device: torch.device, folder: Path | None = None
    ) -> OnEpochEnd:
        """Return what is called with the network and the number of epochs done.

        It returns nothing where the epoch is not due; else, for the crops of each set,
        ``{"attack": {"A": …, "B": …}, "attack_votes": {"A": …, "B": …}}``: the accuracy, and the
        mean number of voting neighbours that have the class of the crop.

        Args:
            images: where pixels and labels come from.
            device: where the network runs.
            folder: of the training; gets ``attack/epoch_NNNN.parquet`` of each tested epoch, with a
                row per crop. A resumed training writes the same bytes again. None: no files.
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
            votes = self._votes(guesses, crops.labels)
            hits = guesses.votes.hits(crops.labels, self.attack.top_classes)
            if folder is not None:
                self._keep(folder / VOTES_FOLDER, epoch, guesses, crops.labels, hits, votes)
            return {
                "attack": self._mean_of_sides(hits),
                "attack_votes": self._mean_of_sides(votes),
            }

        return attack_epoch

    def _votes(self, guesses: CropGuesses, classes: IntArray) -> IntArray:
        """Return how many voting neighbours of each crop have a class, int64 ``[n]``."""
        voters = guesses.neighbour_labels[:, : self.attack.voting or None]
        return np.asarray((voters == classes[:, None]).sum(axis=1))

    def _mean_of_sides(self, values: NDArray[np.bool_] | IntArray) -> dict[str, float]:
        return {
            name: float(np.mean(values[self.attacked.side == row]))
            for row, name in enumerate(SIDES)
        }

    def _keep(
        self,
        folder: Path,
        epoch: int,
        guesses: CropGuesses,
        labels: IntArray,
        hits: NDArray[np.bool_],
        votes: IntArray,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        columns = {
            "index": self.attacked.index,
            "side": self.attacked.side,
            "label": labels,
            "guess": guesses.votes.ranked[:, 0],
            "right": hits,
            "votes": votes,
            "votes_for_guess": self._votes(guesses, guesses.votes.ranked[:, 0]),
            "confidence": guesses.votes.confidence,
            "neighbours": guesses.neighbours,
        }
        write_table(folder / f"epoch_{epoch:04d}.parquet", columns)
