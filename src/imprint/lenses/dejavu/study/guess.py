"""What a network guesses about crops, for every test that asks for guesses."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from imprint.core.arrays import IntArray
from imprint.core.device import DeviceName
from imprint.core.errors import ImprintError
from imprint.data.imageset import ImageSet
from imprint.lenses.dejavu.memorization.attack import Attacked, attack
from imprint.lenses.dejavu.memorization.votes import logit_votes
from imprint.nets.fill import initial_model
from imprint.nets.image_model import ImageModel, Layer
from imprint.nets.model_card import ModelCard
from imprint.stats.cut import check_percents
from imprint.study.options import AttackChoice

SIDES = ("A", "B")
TOP_RANKED = 5
"""Most voted classes that are kept of each vote."""


def searched_layer(choice: AttackChoice, has_projector: bool) -> Layer:
    """Return the layer that is searched, of networks with a projector or without."""
    if choice.layer != "auto":
        return choice.layer
    if choice.decision == "logits":
        return "logits"
    return "projector" if has_projector else "backbone"


def settled_layer(choice: AttackChoice) -> Layer:
    """Return the layer of a choice that :func:`searched_layer` has settled."""
    assert choice.layer != "auto"
    return choice.layer


def check_guesses(choice: AttackChoice, images: ImageSet) -> None:
    """Check how guesses are made.

    Raises:
        ImprintError: a choice that does not fit the classes or the others.
    """
    if choice.decision == "logits" and choice.layer not in ("auto", "logits"):
        raise ImprintError(
            f"--decision logits needs --layer logits, got {choice.layer}: the classifier guesses"
        )
    most = min(TOP_RANKED, len(images.classes))
    if not 1 <= choice.top <= most:
        raise ImprintError(f"--top is {choice.top}: it must lie in 1…{most}")
    if choice.k < 1:
        raise ImprintError(f"--k is {choice.k}: choose 1 or more")
    if not 0 <= choice.voting <= choice.k:
        raise ImprintError(f"--voting is {choice.voting}: it must lie in 0…k ({choice.k})")
    check_percents(choice.confidence)


def guess(
    crops: NDArray[np.float32],
    public: NDArray[np.float32],
    public_index: IntArray,
    labels: IntArray,
    classes: int,
    choice: AttackChoice,
    device: DeviceName,
) -> Attacked:
    """Return the guesses of one network, its neighbours' or the classifier's own.

    Args:
        crops: ``[n, d]``, what it makes of the crops.
        public: ``[M, d]``, what it makes of the public images.
        public_index: int64 ``[M]``, which these are.
        labels: int64, classes by global index.
        classes: number of classes.
        choice: how guesses are made.
        device: where neighbours are searched.
    """
    found = attack(
        crops,
        public,
        public_index,
        labels[public_index],
        classes,
        k=choice.k,
        voting=choice.voting or None,
        metric=choice.metric,
        device=device,
    )
    return replace(found, votes=logit_votes(crops)) if choice.decision == "logits" else found


def untrained_like(card: ModelCard, seed: int) -> ImageModel:
    """Return a network as a card says, untrained whatever it started from."""
    fresh = {option: value for option, value in card.options.items() if option != "pretrained"}
    return initial_model(dataclasses.replace(card, options=fresh), seed)
