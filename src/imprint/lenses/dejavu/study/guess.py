"""Guesses of networks about crops, for every test."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.device import DeviceName
from imprint.core.errors import ImprintError
from imprint.data.imageset import ImageSet
from imprint.lenses.dejavu.memorization.attack import CropGuesses, attack, guesses_of
from imprint.lenses.dejavu.memorization.votes import logit_votes
from imprint.lenses.dejavu.options import AttackChoice
from imprint.lenses.dejavu.study.search import IndexedTable, TableSearch
from imprint.nets.fill import initial_model
from imprint.nets.image_model import ImageModel, Layer
from imprint.nets.model_card import ModelCard
from imprint.study.tables import positions_of, read_table

SIDES = ("A", "B")
TOP_RANKED = 5
"""Most voted classes that are kept of each vote."""


def searched_layer(choice: AttackChoice, has_projector: bool) -> Layer:
    """Return the layer that is searched, in networks with a projector or without."""
    if choice.layer != "auto":
        return choice.layer
    if choice.decision == "logits":
        return "logits"
    return "projector" if has_projector else "backbone"


def settled_layer(choice: AttackChoice) -> Layer:
    """Return the layer of a choice that :func:`searched_layer` has settled."""
    assert choice.layer != "auto"
    return choice.layer


def check_guesses(choice: AttackChoice, images: ImageSet, public: int) -> None:
    """Check the options of the attack against the images.

    Args:
        choice: the options.
        images: whose classes are guessed.
        public: how many images are public.

    Raises:
        ImprintError: an option that does not fit the classes, the public images or the others.
    """
    if choice.decision == "logits" and choice.layer not in ("auto", "logits"):
        raise ImprintError(
            f"--decision logits needs --layer logits, got {choice.layer}: the classifier guesses"
        )
    most = min(TOP_RANKED, len(images.classes))
    if choice.top_classes > most:
        raise ImprintError(f"--top-classes must be in [1, {most}], got {choice.top_classes}")
    if choice.k > public:
        raise ImprintError(
            f"--k is {choice.k} but only {public} images are public: choose a smaller --k"
        )


def guess(
    crops: NDArray[np.float32],
    public: NDArray[np.float32],
    public_index: IntArray,
    images: ImageSet,
    choice: AttackChoice,
    device: DeviceName,
) -> CropGuesses:
    """Return the guesses of one network: the vote of the neighbours, or the classifier's own.

    Args:
        crops: ``[n, d]``, representations of the crops.
        public: ``[M, d]``, representations of the public images.
        public_index: int64 ``[M]``, global indices of the public images.
        images: labels and classes.
        choice: how guesses are made.
        device: where neighbours are searched.
    """
    guesses = attack(
        crops,
        public,
        public_index,
        images.labels[public_index],
        len(images.classes),
        k=choice.k,
        voting=choice.voting or None,
        metric=choice.metric,
        device=device,
    )
    return settled_guesses(guesses, crops, choice)


def settled_guesses(
    guesses: CropGuesses, crops: NDArray[np.float32], choice: AttackChoice
) -> CropGuesses:
    """Return guesses of neighbours, with the classifier's own votes where these are asked for."""
    return replace(guesses, votes=logit_votes(crops)) if choice.decision == "logits" else guesses


@dataclass(frozen=True)
class Guesser:
    """Guesses of embedded networks, from the tables that ``EmbedViews`` wrote.

    Attributes:
        tables: the folder, with ``MODEL.VIEW.parquet``.
        public: name of the view of public images.
        crops: name of the view of crops.
        indexes: folder of ``IndexEmbeddings``, for an approximate search.
    """

    tables: Path
    images: ImageSet
    choice: AttackChoice
    device: DeviceName
    public: str = "public"
    crops: str = "crops"
    indexes: Path | None = None

    def guess(self, model: str, index: IntArray) -> CropGuesses:
        """Return the guesses of a network about the crops of images."""
        choice, layer = self.choice, settled_layer(self.choice)
        public = self.tables / f"{model}.{self.public}.parquet"
        public_index = read_table(public, ["index"])["index"]
        crops = read_table(self.tables / f"{model}.{self.crops}.parquet", ["index", layer])
        rows = crops[layer][positions_of(crops["index"], index, model)]
        search = TableSearch(public, layer, choice.k, choice.metric, self.device)
        if choice.search == "exact":
            near, recall = search.exact(rows), None
        else:
            assert self.indexes is not None
            name = IndexedTable.of(f"{model}.{self.public}", choice).name
            near, recall = search.approximate(rows, self.indexes / name, choice.ivfpq)
        labels, classes = self.images.labels[public_index], len(self.images.classes)
        guesses = guesses_of(near, public_index, labels, classes, choice.voting or None, recall)
        return settled_guesses(guesses, rows, choice)

    @property
    def snapshots(self) -> list[int]:
        """Epochs of the snapshots of A, rising."""
        files = self.tables.glob(f"A@[0-9]*.{self.public}.parquet")
        return sorted(int(file.name.split(".")[0].removeprefix("A@")) for file in files)


def untrained_like(card: ModelCard, seed: int) -> ImageModel:
    """Return the network of a card without training, even if it started from pretrained weights."""
    fresh = {option: value for option, value in card.options.items() if option != "pretrained"}
    return initial_model(dataclasses.replace(card, options=fresh), seed)
