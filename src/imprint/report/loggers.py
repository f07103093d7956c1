"""Findings as scalars for experiment trackers: TensorBoard, MLflow, Weights & Biases.

An estimate becomes three scalars, ``membership/lira/auc`` and the ends of its 95 % interval,
``membership/lira/auc_low`` and ``…_high``; a control becomes 1 where it passed and 0 where it
failed. Lists, such as curves and galleries, and what is missing are left out. No name is a folder
of another, since MLflow keeps each metric in a file.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from imprint.core.errors import ImprintError
from imprint.report.summary_file import is_number, read_summary
from imprint.report.table import HasTables, Table
from imprint.study.finding import to_json

CONTAINERS = frozenset({"attacks", "criteria", "lenses"})
"""Keys that group findings and say nothing of their own."""
NOT_SIGNED = re.compile(r"[^\w\-./ ]", re.ASCII)
"""What MLflow allows in no name."""
MAX_NAME_LETTERS = 240
"""Of a name; MLflow allows 250, with the end of the interval."""


def log_findings(result: object, logger: Any, step: int | None = None) -> dict[str, float]:
    """Write findings to an experiment tracker; return the scalars by name.

    >>> from imprint.stats.estimate import Estimate
    >>> coverage = {"nc": Estimate(0.5, (0.4, 0.6), 9)}
    >>> log_findings({"lenses": {"coverage": coverage}}, logger=lambda scalars: None)
    {'coverage/nc': 0.5, 'coverage/nc_low': 0.4, 'coverage/nc_high': 0.6}

    Args:
        result: what a function of imprint returned, the content of a ``summary.json``, or the
            folder of a study.
        logger: a ``SummaryWriter`` of TensorBoard, the module ``mlflow`` or a logger with
            ``log_metrics``, the module ``wandb`` or one of its runs, or a function of a mapping.
        step: place on the axis of steps, such as the epoch; None for none.

    Raises:
        ImprintError: nothing in the result is a number with a name, the folder holds no study, or
            the logger has none of these methods.
    """
    scalars = dict(_scalars(result))
    if not scalars:
        raise ImprintError(
            f"{type(result).__name__} holds no estimate to log: give what a function of imprint "
            "returned, the content of summary.json or the folder of a study"
        )
    _send(scalars, logger, step)
    return scalars


def _send(scalars: dict[str, float], logger: Any, step: int | None) -> None:
    if hasattr(logger, "add_scalar"):
        for name, value in scalars.items():
            logger.add_scalar(name, value, step)
    elif hasattr(logger, "log_metrics"):
        logger.log_metrics(scalars, step=step)
    elif hasattr(logger, "log"):
        logger.log(scalars, **({} if step is None else {"step": step}))
    elif callable(logger):
        logger(scalars)
    else:
        raise ImprintError(
            f"{type(logger).__name__} cannot log: give a SummaryWriter, mlflow, a run of wandb, or "
            "a function of a mapping"
        )


def _scalars(result: object) -> Iterator[tuple[str, float]]:
    if isinstance(result, (str, Path)):
        yield from _of_summary(read_summary(Path(result)))
    elif isinstance(result, Mapping):
        yield from _of_summary(result)
    elif isinstance(getattr(result, "content", None), Mapping):
        yield from _of_summary(getattr(result, "content"))  # noqa: B009  # of any class
    elif dataclasses.is_dataclass(findings := getattr(result, "findings", result)) and not (
        isinstance(findings, (HasTables, type))
    ):
        yield from _walk(to_json(findings), _lens_of(findings))
    elif isinstance(result, HasTables):
        for table in result.tables():
            yield from _of_table(table)


def _of_summary(summary: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield the scalars of every lens, and what the model gets right."""
    model = to_json(summary.get("model", {}))
    accuracy = model.get("accuracy", {}) if isinstance(model, Mapping) else {}
    if isinstance(accuracy, Mapping):
        for name, value in accuracy.items():
            path = ("model", "accuracy", str(name))
            yield from [(_name(path), float(value))] if is_number(value) else _walk(value, path)
    yield from _walk(to_json(summary.get("lenses", summary)), ())


def _lens_of(findings: object) -> tuple[str, ...]:
    """Return the lens whose module defines a finding."""
    parts = type(findings).__module__.split(".")
    return (parts[2],) if parts[:2] == ["imprint", "lenses"] and len(parts) > 2 else ()


def _walk(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    """Yield the estimates and controls below a place in findings."""
    if not isinstance(value, Mapping):
        return
    if isinstance(value.get("passed"), bool):
        yield _name(path), float(value["passed"])
    elif is_number(value.get("value")) and "n" in value:
        name = _name(path)
        yield name, float(value["value"])
        ends = value.get("ci95")
        if isinstance(ends, list) and len(ends) == 2 and all(map(is_number, ends)):
            yield f"{name}_low", float(ends[0])
            yield f"{name}_high", float(ends[1])
    else:
        for key, inner in value.items():
            yield from _walk(inner, path if key in CONTAINERS else (*path, str(key)))


def _of_table(table: Table) -> Iterator[tuple[str, float]]:
    """Yield the numbers of a table, named by row and column."""
    for record in table.records():
        (_, row), *cells = record.items()
        for column, value in cells:
            if isinstance(value, (int, float)) and math.isfinite(value):
                yield _name((str(row), column)), float(value)


def _name(path: tuple[str, ...]) -> str:
    parts = (NOT_SIGNED.sub("_", part).replace("/", "_") for part in path)
    return "/".join(part or "_" for part in parts)[:MAX_NAME_LETTERS]
