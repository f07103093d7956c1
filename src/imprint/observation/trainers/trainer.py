"""How a model is trained again on other records: by its kind, or by the user's function."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.core.registry import Registry
from imprint.core.seeds import generator
from imprint.data.records.records import Records
from imprint.nets.predictor.predictor import Predictor
from imprint.observation.audited_model import Trainer

FORECAST_RECORDS = 256
"""Records on which training is timed."""


MAX_RATE = 1000


@dataclass(frozen=True)
class TrainerOptions:
    """How networks are trained again, from fresh weights.

    Attributes:
        epochs: at most, or :attr:`steps` where those are more.
        steps: at most, of few records.
        batch_size: records a step.
        optimiser: ``adamw`` or ``sgd`` (momentum 0.9).
        learning_rate: constant.
        weight_decay: of the optimiser.
        stop_at_model_loss: whether training ends when its loss has reached that of the model under
            audit on its members.
    """

    epochs: int = 50
    steps: int = 1000
    batch_size: int = 64
    optimiser: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    stop_at_model_loss: bool = True

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch_size, self.steps) < 1:
            raise ImprintError(
                "epochs, steps and batch_size must be at least 1, got "
                f"{self.epochs}, {self.steps} and {self.batch_size}"
            )
        if not 0 < self.learning_rate <= MAX_RATE or not 0 <= self.weight_decay <= MAX_RATE:
            raise ImprintError(
                f"learning_rate must be in (0, {MAX_RATE}] and weight_decay in [0, {MAX_RATE}], "
                f"got {self.learning_rate} and {self.weight_decay}"
            )
        if self.optimiser not in ("adamw", "sgd"):
            raise ImprintError(f"optimiser is {self.optimiser!r}: it must be adamw or sgd")


@dataclass(frozen=True)
class TrainerKind:
    """How models of one kind are trained again.

    Attributes:
        recognises: whether a model is of this kind.
        make: returns the trainer, from the model, its members and options.
    """

    recognises: Callable[[Predictor], bool]
    make: Callable[[Predictor, Records, TrainerOptions], Trainer]


TRAINERS: Registry[TrainerKind] = Registry(
    "trainer", "imprint.observation.trainers", group="imprint.trainers"
)


def read_all(records: Records) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return inputs and targets of records, in memory.

    Raises:
        ImprintError: they have no targets.
    """
    if records.targets is None:
        raise ImprintError(f"{records.name} have no targets to train on: give them")
    return records.inputs.read(np.arange(len(records))), records.targets


def time_fit(trainer: Trainer, members: Records, count: int) -> float:
    """Return about how long training on ``count`` records takes: a line through two trainings.

    The first is on a random quarter of :data:`FORECAST_RECORDS` members, the second on all of them.
    """
    most = min(FORECAST_RECORDS, len(members), max(count, 1))
    order = generator(0, "timed records").permutation(len(members))
    sizes, seconds = (max(1, most // 4), most), []
    for size in sizes:
        few = members.take(np.sort(order[:size]).astype(np.int64))
        start = time.perf_counter()
        trainer.train(few, 0)
        seconds.append(time.perf_counter() - start)
    slope = max(0.0, seconds[1] - seconds[0]) / max(1, sizes[1] - sizes[0])
    return max(seconds[1] + slope * (count - most), seconds[1])
