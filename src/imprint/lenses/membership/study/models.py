"""The networks whose signals a membership study takes: trained, untrained, or only answering."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.core.user_code import import_function
from imprint.nets.fill import initial_model
from imprint.nets.image_model import ImageModel
from imprint.nets.load import NetworkFile
from imprint.nets.model_card import ModelCard
from imprint.probe.signals.scorer import FromProbabilities, Scorer, are_probabilities
from imprint.study.hashing import hash_arrays

UNTRAINED = "untrained"
ASKED = 8
"""Images a scorer is asked about to tell it from another one."""


@dataclass(frozen=True)
class Model:
    """A network to take signals of.

    Attributes:
        name: of its table.
        identity: what its answers depend on, as JSON values.
        load: returns it.
        warnings: what a reader must know of its answers, sentences without their full stop.
    """

    name: str
    identity: Any
    load: Callable[[], ImageModel | Scorer]
    warnings: tuple[str, ...] = ()


def trained_model(name: str, file: NetworkFile) -> Model:
    """Return the network of a file of weights.

    Raises:
        ImprintError: the file cannot be read.
    """
    return Model(name, file.fingerprint(), file.load)


def untrained_model(card: ModelCard, seed: int) -> Model:
    """Return a network of the same architecture that learnt nothing; ``seed`` is the study's."""
    own = derive(seed, UNTRAINED)
    identity = {"architecture": {**card.to_json(), "training": {}}, "seed": own}
    return Model(UNTRAINED, identity, lambda: initial_model(card, own))


def scorer_model(name: str, place: str, channels: int) -> tuple[Model, int]:
    """Return a model that only answers, and how many classes it has.

    What it answers to a few images of noise tells it from another one under the same name.

    Args:
        name: of its table.
        place: ``package.module:function``, called without arguments.
        channels: of the images.

    Raises:
        ImprintError: no such function, one without the user's consent, or what it returns does
            not answer images with logits.
    """
    make = import_function(place, "scorer")
    try:
        scorer = make()
        size = int(scorer.input_size)
        ask = scorer.logits
    except Exception as error:
        raise ImprintError(
            f"--scorer {place} must name a function that returns an object with input_size and "
            f"logits(images float32 [b, {channels}, H, W]): {type(error).__name__}: {error}"
        ) from error
    noise = np.random.default_rng(0).random((ASKED, channels, size, size), dtype=np.float32)
    try:
        answers = np.asarray(ask(noise))
    except Exception as error:
        raise ImprintError(
            f"--scorer {place}: logits of {ASKED} images of noise, {size} x {size}, failed with "
            f"{type(error).__name__}: {error}"
        ) from error
    real = answers.dtype.kind in "fiu"
    if answers.ndim != 2 or len(answers) != ASKED or not real or not np.isfinite(answers).all():
        raise ImprintError(
            f"--scorer {place}: logits of {ASKED} images must be finite [{ASKED}, classes], got "
            f"{answers.dtype} {list(answers.shape)}"
        )
    identity = {"scorer": place, "answers": hash_arrays(answers)}
    if not are_probabilities(answers):
        return Model(name, identity, lambda: scorer), answers.shape[1]
    told = (
        "the scorer returns probabilities, rows that sum to 1, so their logarithms are taken as "
        "logits; what was rounded to 0 or 1 is lost"
    )
    if np.isin(answers, (0, 1)).all():
        told = (
            "the scorer returns hard labels, a 1 for the class and 0 for others, so attacks know "
            "no more than whether it is right: return logits or probabilities, or use --label-only"
        )
    answering = FromProbabilities(scorer)
    return Model(name, {**identity, "logits": "log p"}, lambda: answering, (told,)), (
        answers.shape[1]
    )
