"""What trains models like one: the user's own function, or the trainer of its kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imprint.core.errors import ImprintError
from imprint.data.records.records import Records
from imprint.nets.predictor.predictor import Predictor
from imprint.observation.audited_model import Trainer
from imprint.observation.trainers.function import FunctionTrainer
from imprint.observation.trainers.trainer import TRAINERS, TrainerOptions


def as_trainer(
    predictor: Predictor,
    members: Records,
    train: Callable[..., Any] | None = None,
    options: TrainerOptions | None = None,
) -> Trainer | None:
    """Return what trains models like one; None where that is not known.

    Args:
        predictor: the model under audit.
        members: records it was trained on.
        train: the user's own, ``train(inputs, targets, seed)`` returns a model of any kind.
        options: of networks.

    Raises:
        ImprintError: ``train`` is no function.
    """
    if train is not None:
        if not callable(train):
            raise ImprintError(
                f"train must be a function train(inputs, targets, seed), got {type(train).__name__}"
            )
        return FunctionTrainer(train, predictor, members)
    for kind in TRAINERS.entries():
        if kind.recognises(predictor):
            return kind.make(predictor, members, options or TrainerOptions())
    return None
