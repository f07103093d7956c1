"""The networks whose signals a membership study takes: trained, untrained, or black-box."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.core.user_code import import_function
from imprint.nets.fill import initial_model
from imprint.nets.image_model import ImageModel
from imprint.nets.load import NetworkFile
from imprint.nets.model_card import ModelCard
from imprint.probe.signals.scorer import FromProbabilities, Scorer, are_probabilities
from imprint.study.counted import uncounted
from imprint.study.hashing import hash_arrays

UNTRAINED = "untrained"
NOISE_IMAGES = 8
"""Images of noise whose logits tell one scorer from another of the same name."""


@dataclass(frozen=True)
class Model:
    """A network to take signals of.

    Attributes:
        name: of its table.
        identity: what its outputs depend on, as JSON values.
        load: returns it.
        warnings: what a reader must know of its outputs, sentences without their full stop.
    """

    name: str
    identity: object
    load: Callable[[], ImageModel | Scorer] = uncounted()
    warnings: tuple[str, ...] = uncounted(default=())


def trained_model(name: str, file: NetworkFile) -> Model:
    """Return the network of a file of weights.

    Raises:
        ImprintError: the file cannot be read.
    """
    return Model(name, file.fingerprint(), file.load)


def untrained_model(card: ModelCard, seed: int) -> Model:
    """Return an untrained network of the same architecture; ``seed`` is the study's."""
    own = derive(seed, UNTRAINED)
    identity = {"architecture": {**card.to_json(), "training": {}}, "seed": own}
    return Model(UNTRAINED, identity, partial(initial_model, card, own))


def scorer_model(name: str, place: str, channels: int) -> tuple[Model, int]:
    """Return a black-box model, and how many classes it has.

    Args:
        name: of its table.
        place: ``package.module:function``, called without arguments.
        channels: of the images.

    Raises:
        ImprintError: no such function, one without the user's consent, or what it returns has no
            logits of images.
    """
    scorer, size = _make_scorer(place, channels)
    logits = _logits_of_noise(scorer, place, (NOISE_IMAGES, channels, size, size))
    identity = {"scorer": place, "logits of noise": hash_arrays(logits)}
    if not are_probabilities(logits):
        return Model(name, identity, _MadeScorer(place, channels, scorer)), logits.shape[1]
    warning = (
        "the scorer returns probabilities, rows that sum to 1, so their logarithms are taken as "
        "logits; what was rounded to 0 or 1 is lost"
    )
    if np.isin(logits, (0, 1)).all():
        warning = (
            "the scorer returns hard labels, a 1 for the class and 0 for others, so attacks see "
            "only whether it is right: return logits or probabilities, or use --label-only"
        )
    made = _MadeScorer(place, channels, FromProbabilities(scorer))
    model = Model(name, {**identity, "logits": "log p"}, made, (warning,))
    return model, logits.shape[1]


@dataclass(frozen=True)
class _MadeScorer:
    """Returns a scorer: here the one that was made, in other processes one made there anew."""

    place: str
    channels: int
    scorer: Scorer

    def __call__(self) -> Scorer:
        return self.scorer

    def __reduce__(self) -> tuple[Any, ...]:
        return _scorer_again, (
            self.place,
            self.channels,
            isinstance(self.scorer, FromProbabilities),
        )


def _scorer_again(place: str, channels: int, gives_probabilities: bool) -> _MadeScorer:
    scorer, _ = _make_scorer(place, channels)
    return _MadeScorer(
        place, channels, FromProbabilities(scorer) if gives_probabilities else scorer
    )


def _make_scorer(place: str, channels: int) -> tuple[Scorer, int]:
    """Return the object that a user's function makes, and the side of its images in pixels."""
    make = import_function(place, "scorer")
    try:
        scorer: Scorer = make()
        size = int(scorer.input_size)
        _ = scorer.logits
    except Exception as error:
        raise ImprintError(
            f"--scorer {place} must name a function that returns an object with input_size and "
            f"logits(images), of NumPy float32 [b, {channels}, H, W]: {type(error).__name__}: "
            f"{_first_line(error)}"
        ) from error
    return scorer, size


def _logits_of_noise(
    scorer: Scorer, place: str, shape: tuple[int, int, int, int]
) -> NDArray[np.floating[Any]]:
    """Return the logits of a few images of noise, ``[b, classes]``, finite."""
    noise = np.random.default_rng(0).random(shape, dtype=np.float32)
    try:
        logits = np.asarray(scorer.logits(noise))
    except Exception as error:
        raise ImprintError(
            f"--scorer {place}: logits of NumPy float32 {list(shape)}, images of noise, failed "
            f"with {type(error).__name__}: {_first_line(error)}; --debug shows where"
        ) from error
    fits = logits.ndim == 2 and len(logits) == shape[0] and logits.dtype.kind in "fiu"
    if not fits or not np.isfinite(logits).all():
        raise ImprintError(
            f"--scorer {place}: logits of {shape[0]} images must be finite [{shape[0]}, classes], "
            f"got {logits.dtype} {list(logits.shape)}"
        )
    return logits


def _first_line(error: Exception) -> str:
    """Return how a message begins: those of PyTorch go on with every signature it knows."""
    return str(error).partition("\n")[0]
