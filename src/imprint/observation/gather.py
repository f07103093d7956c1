"""The model under audit from whatever a user has: a model of any kind, records of any source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imprint.core.progress import log, warn
from imprint.data.records.open_records import (
    agree_on_classes,
    as_records,
    list_classes,
    number_by_name,
)
from imprint.data.records.records import Records, Task
from imprint.nets.predictor.outputs_alone import OutputsAlone, why_outputs_alone
from imprint.nets.predictor.predictor import (
    ModelSettings,
    NetworkPredictor,
    Predictor,
    as_predictor,
    classes_of,
    image_size_of,
)
from imprint.nets.predictor.settle_kind import require_targets, settle_kind
from imprint.observation.as_trainer import as_trainer
from imprint.observation.audited_model import AuditedModel
from imprint.observation.trainers.trainer import TrainerOptions

FIRST_BATCH = 64
TRIED_RECORDS = 8
"""Members on which hooks and gradients of a network are tried."""


@dataclass(frozen=True)
class RecordSettings:
    """What a user may have to say of records.

    Attributes:
        task: what the model does; None to infer it from model and targets.
        classes: what the outputs stand for, in their order; None for what model and records say.
        target: name of the column of targets; empty to find it.
        group: name of the column of groups; empty for none.
        image_size: side of the squares that images are read as; None for what the model takes.
    """

    task: Task | None = None
    classes: Sequence[Any] | None = None
    target: str = ""
    group: str = ""
    image_size: int | None = None


def gather_audit(
    model: Any,
    members: Any,
    non_members: Any,
    tests: Any = None,
    *,
    settings: ModelSettings | None = None,
    records: RecordSettings | None = None,
    train: Callable[..., Any] | None = None,
    trainer_options: TrainerOptions | None = None,
) -> AuditedModel:
    """Return a model with its records and, where it can be trained again, its trainer.

    Args:
        model: of any kind (:func:`imprint.nets.predictor.predictor.as_predictor`).
        members: records it was trained on, of any source
            (:func:`imprint.data.records.open_records.as_records`).
        non_members: records it was not trained on.
        tests: records that test it; None for the non-members.
        settings: what the user says of the model.
        records: what the user says of the records.
        train: ``train(inputs, targets, seed)`` returns a model like it; None for what is known of
            its kind.
        trainer_options: how networks are trained again.

    Raises:
        ImprintError: a model or records that cannot be read, or that do not fit one another.
    """
    settings = settings or ModelSettings()
    predictor = as_predictor(model, settings)
    said = records or RecordSettings()
    said = replace(said, classes=list_classes(said.classes))
    parts = {"members": members, "non-members": non_members}
    if tests is not None:
        parts["tests"] = tests
    sets = agree_on_classes([_open(each, predictor, said, name) for name, each in parts.items()])
    for each in sets:
        require_targets(predictor, each.targets, each.name)
    predictor = _settle(predictor, sets[0])
    trainer = as_trainer(predictor, sets[0], train, trainer_options)
    asked = _by_outputs_where_need_be(predictor, sets[0])
    return AuditedModel(asked, sets[0], sets[1], sets[-1], trainer, device=settings.device)


def _open(source: Any, predictor: Predictor, said: RecordSettings, name: str) -> Records:
    names = classes_of(predictor)
    binding = getattr(predictor, "class_values", None) is not None  # of estimators
    opened = as_records(
        source,
        said.target or None,
        task=said.task or _task_of(predictor),
        classes=said.classes or (names if binding else None),
        name=name,
        groups=said.group or None,
        image_size=said.image_size or image_size_of(predictor),
    )
    return opened if said.classes or binding else number_by_name(opened, names)


def _task_of(predictor: Predictor) -> Task | None:
    return "regression" if predictor.kind == "values" else None


def _settle(predictor: Predictor, members: Records) -> Predictor:
    rows = np.arange(min(FIRST_BATCH, len(members)))
    targets = None if members.targets is None else members.targets[rows]
    settled = settle_kind(predictor, members.inputs.read(rows), targets, members.task)
    if members.task == "regression" and members.targets is not None:
        log("targets are taken for values of a regression")
    return settled


def _by_outputs_where_need_be(predictor: Predictor, members: Records) -> Predictor:
    """Return a network that takes hooks and gives gradients, or what asks for its outputs alone."""
    if not isinstance(predictor, NetworkPredictor):
        return predictor
    rows = np.arange(min(TRIED_RECORDS, len(members)))
    reason = why_outputs_alone(predictor, members.inputs.read(rows))
    if reason is None:
        return predictor
    warn(f"model {predictor.name} is audited by its outputs alone: {reason}")
    return OutputsAlone(predictor)
