"""Label-only attacks with one query a record: inputs crafted on reference models, then one label.

:func:`yoqo` and :func:`oslo` run on live models; what their searches minimise stands in
:mod:`imprint.probe.one_query`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.errors import ImprintError
from imprint.probe.one_query.oslo import OsloOptions, craft_oslo
from imprint.probe.one_query.yoqo import YoqoOptions, craft_yoqo
from imprint.probe.signals.trajectory import Network, forward_in_batches

AT_ONCE = 128
Craft = Callable[[Sequence[Network], Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class OneQuery:
    """What one label of the target says of each record.

    Attributes:
        scores: float64 ``[n]``, the share of a record's queries that got its class: 0 or 1 of one
            query; larger where membership is more likely.
        kept: bool ``[T, n]``, whether each query got the record's class, one row a threshold.
        inputs: the queries, ``[T, n, …]``.
        queries: of the target for each record.
        passes: forward and backward passes of reference models for each record at most.
    """

    scores: FloatArray
    kept: BoolArray
    inputs: Tensor
    queries: int
    passes: int


def yoqo(
    model: Network,
    references: Sequence[Network],
    inputs: Tensor,
    labels: Tensor,
    *,
    members: Tensor | None = None,
    **settings: Any,
) -> OneQuery:
    """Attack a model by one label a record, of an input that members alone should keep (YOQO).

    Args:
        model: the target, from inputs to logits ``[b, classes]`` or to labels ``[b]``.
        references: networks from inputs to logits; their gradients are used.
        inputs: float ``[n, …]``, the records as the models take them, on their device.
        labels: int64 ``[n]``.
        members: bool ``[K, n]``, which reference was trained on which record. None: none was on
            any, so the offline form is used.
        **settings: of :class:`imprint.probe.one_query.yoqo.YoqoOptions`; offline, ``weight`` is 5
            and ``stop_loss`` 8 unless given, as published.

    Raises:
        ImprintError: arrays that do not fit, or a setting that does not exist or is impossible.
    """
    if members is None:
        settings = {"offline": True, "weight": 5.0, "stop_loss": 8.0, **settings}
    options = _make(YoqoOptions, settings)
    passes = options.steps * len(references)
    return _query(
        model,
        lambda nets, seen, x, y: craft_yoqo(nets, seen, x, y, options)[None],
        references,
        members,
        inputs,
        labels,
        passes,
    )


def oslo(
    model: Network,
    references: Sequence[Network],
    inputs: Tensor,
    labels: Tensor,
    *,
    members: Tensor | None = None,
    **settings: Any,
) -> OneQuery:
    """Attack a model by one label a record and threshold, of transferred adversarial inputs (OSLO).

    Args:
        model: the target, from inputs to logits ``[b, classes]`` or to labels ``[b]``.
        references: networks from inputs to logits; the last ``validation_models`` of them decide
            when an input is changed enough.
        inputs: float ``[n, …]``, the records as the models take them, on their device.
        labels: int64 ``[n]``.
        members: bool ``[K, n]``, which reference was trained on which record, and is left out for
            it. None: none was on any.
        **settings: of :class:`imprint.probe.one_query.oslo.OsloOptions`.

    Raises:
        ImprintError: arrays that do not fit, too few references, or a setting that does not exist
            or is impossible.
    """
    options = _make(OsloOptions, settings)
    passes = options.rounds * options.steps * len(references)
    return _query(
        model,
        lambda nets, seen, x, y: craft_oslo(nets, seen, x, y, options),
        references,
        members,
        inputs,
        labels,
        passes,
    )


def _make(kind: Callable[..., Any], settings: dict[str, Any]) -> Any:
    known = kind.__dataclass_fields__  # type: ignore[attr-defined]  # a dataclass
    for name in settings:
        if name not in known:
            raise ImprintError(f"there is no option {name!r}; there are: {', '.join(known)}")
    return kind(**settings)


def _query(
    model: Network,
    craft: Craft,
    references: Sequence[Network],
    members: Tensor | None,
    inputs: Tensor,
    labels: Tensor,
    passes: int,
) -> OneQuery:
    """Craft the inputs of all records, ``AT_ONCE`` at a time; ask the target for their labels."""
    if members is None:
        members = torch.zeros(len(references), len(inputs), dtype=torch.bool)
    members = torch.as_tensor(members, dtype=torch.bool, device=inputs.device)
    if members.ndim != 2 or members.shape[1:] != labels.shape or len(labels) != len(inputs):
        raise ImprintError(
            f"{len(inputs)} inputs need as many labels and columns of members, got labels "
            f"{list(labels.shape)} and members {list(members.shape)}"
        )
    parts = [
        craft(references, members[:, rows], inputs[rows], labels[rows])
        for rows in (slice(at, at + AT_ONCE) for at in range(0, len(inputs), AT_ONCE))
    ]
    if not parts:
        raise ImprintError("there are no inputs to attack: give at least one record")
    crafted = torch.cat(parts, dim=1)
    answers = [_labels(forward_in_batches(model, queries), queries) for queries in crafted]
    kept = torch.stack([answer == labels for answer in answers]).cpu().numpy()
    return OneQuery(kept.mean(axis=0), kept, crafted, len(kept), passes)


def _labels(answers: Tensor, queries: Tensor) -> Tensor:
    """Return the label of each answer: the largest logit, or the answer itself."""
    if answers.ndim not in (1, 2) or len(answers) != len(queries):
        raise ImprintError(
            f"the model must return logits [{len(queries)}, classes] or labels [{len(queries)}], "
            f"got {list(answers.shape)}"
        )
    return answers.argmax(dim=1) if answers.ndim == 2 else answers
