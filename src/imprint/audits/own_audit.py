"""``imprint.audit``: the audit of a user's own model in one call."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imprint.audits.own_options import AnalysisChoice, PlanChoice
from imprint.audits.own_result import AuditResult
from imprint.audits.own_study import conclude_audit, draw_audited
from imprint.core.device import DeviceName, choose_device
from imprint.core.errors import ImprintError
from imprint.data.records.records import Task
from imprint.nets.predictor.predictor import ModelSettings, OutputKind
from imprint.observation.checkpoints import open_checkpoints
from imprint.observation.gather import RecordSettings, gather_audit
from imprint.observation.trainers.trainer import TrainerOptions
from imprint.study.options import Common
from imprint.study.store import Study

MAX_SECONDS = 1e9


@dataclass(frozen=True, kw_only=True)
class ApiOptions(PlanChoice, Common):
    """Options of an audit from Python, as ``options.yaml`` keeps them."""


def audit(
    model: Any,
    members: Any,
    non_members: Any,
    tests: Any = None,
    *,
    lenses: str | Sequence[str] = "all",
    budget: str | float = "10m",
    quick: bool = False,
    shadows: int = -1,
    train: Callable[..., Any] | None = None,
    train_options: Mapping[str, Any] | None = None,
    checkpoints: Sequence[Any] = (),
    task: Task | None = None,
    output_kind: OutputKind | None = None,
    classes: Sequence[Any] | None = None,
    target: str = "",
    groups: str = "",
    records: int = 4000,
    analysis: Mapping[str, Mapping[str, Any]] | None = None,
    out: str | Path | None = None,
    seed: int = 0,
    device: DeviceName = "auto",
) -> AuditResult:
    """Audit a model: what training left in it, and what its tests reach.

    One pass over the records serves every analysis. A plan of what fits the budget is printed, with
    the cost of what is left out. Nothing is written unless ``out`` is given.

    Args:
        model: a ``torch.nn.Module``, a scikit-learn, XGBoost or LightGBM estimator, a function that
            returns the outputs of a batch, or a file: weights, ONNX, a folder of transformers.
        members: records it was trained on: arrays (x, y), a torch ``Dataset`` or ``DataLoader``, a
            folder of images, a table, or a Hugging Face data set.
        non_members: records of the same kind that it was not trained on.
        tests: records that test it; by default the non-members.
        lenses: of ``dejavu``, ``membership``, ``leave_one_out`` and ``coverage``, or ``all``.
        budget: time the audit may take, such as ``90s``, ``10m`` or ``2h``; a number is seconds.
        quick: a first look within a minute, on at most 500 records of each set.
        shadows: shadow models for membership inference; −1 for as many as the budget allows.
        train: ``train(inputs, targets, seed)`` returns a model trained like this one; estimators
            and modules are trained again without it.
        train_options: how modules are trained again, such as ``{"epochs": 20}``.
        checkpoints: the model at earlier epochs, in order: state dictionaries or files of weights.
        task: what the model does; None as the targets say.
        output_kind: what the model returns; None to find out. A function ``(inputs, targets)``
            returns losses.
        classes: what its outputs stand for, in their order.
        target: name of the column of targets in a table.
        groups: name of the column of groups in a table.
        records: of each set at most, drawn at random; 0 for all.
        analysis: further settings by analysis, such as ``{"membership": {"attacks": ("lira",)}}``.
        out: folder for the report and everything it rests on.
        seed: of everything random.
        device: where networks run.

    Returns:
        A result that prints as a summary and shows itself in a notebook; ``findings``, ``records``,
        ``plot()``, ``report("out.html")``.

    Raises:
        ImprintError: a model or records that cannot be used, or that do not fit one another.

    Examples:
        >>> import numpy as np, torch
        >>> x = np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)
        >>> y = (x[:, 0] > 0).astype(int)
        >>> network = torch.nn.Sequential(torch.nn.Linear(4, 2))
        >>> result = audit(
        ...     network, (x[:40], y[:40]), (x[40:], y[40:]), lenses="membership", shadows=0
        ... )
        >>> sorted(result.findings.membership.attacks)[:2]
        ['attack_p', 'attack_p_curvature']
    """
    chosen = (lenses,) if isinstance(lenses, str) else tuple(lenses)
    for name, value in {"shadows": shadows, "records": records, "seed": seed}.items():
        if not isinstance(value, int):
            raise ImprintError(f"{name} must be a whole number, got {type(value).__name__}")
    home = tempfile.TemporaryDirectory(prefix="imprint-") if out is None else None
    options = ApiOptions(
        lenses=chosen,
        budget=_duration(budget),
        quick=quick,
        shadows=shadows,
        records=records,
        analysis=make_analysis(analysis or {}),
        out=Path(home.name) / "audit" if home is not None else Path(str(out)),
        seed=seed,
        device=device,
        json=True,
    )
    audited = gather_audit(
        model,
        members,
        non_members,
        tests,
        settings=ModelSettings(kind=output_kind, device=choose_device(device)),
        records=RecordSettings(task=task, classes=classes, target=target, group=groups),
        train=train,
        trainer_options=make_trainer_options(train_options or {}),
    )
    audited = replace(audited, checkpoints=open_checkpoints(audited.predictor, checkpoints))
    audited = draw_audited(audited, options.most_records, seed)
    study = Study(options.out)
    with study.locked():
        content, plan = conclude_audit(study, audited, options, options)
    return AuditResult(content, plan, options.out, home)


def _duration(budget: object) -> str:
    """Return a budget as the command line takes it; a number is seconds."""
    is_number = isinstance(budget, (int, float)) and not isinstance(budget, bool)
    if is_number and 0 < float(budget) < MAX_SECONDS:  # type: ignore[arg-type]
        return f"{float(budget):.3f}s"  # type: ignore[arg-type]
    if isinstance(budget, str):
        return budget
    stated = budget if is_number else type(budget).__name__
    raise ImprintError(
        f"budget must be a time such as '90s', '10m' or '2h', or seconds, got {stated}"
    )


def make_analysis(settings: Mapping[str, Mapping[str, Any]]) -> AnalysisChoice:
    """Return the settings of analyses.

    Raises:
        ImprintError: an unknown analysis or setting, or a value out of its range.
    """
    known = {each.name: each.default_factory for each in dataclasses.fields(AnalysisChoice)}
    made = {}
    for name, values in settings.items():
        if name not in known:
            raise ImprintError(f"no settings of an analysis {name!r}: there are {', '.join(known)}")
        made[name] = _replace(known[name](), name, values)  # type: ignore[operator]
    return AnalysisChoice(**made)


def make_trainer_options(values: Mapping[str, Any]) -> TrainerOptions:
    """Return how modules are trained again.

    Raises:
        ImprintError: an unknown option, or a value out of its range.
    """
    made: TrainerOptions = _replace(TrainerOptions(), "train_options", values)
    return made


def _replace(options: Any, what: str, values: Mapping[str, Any]) -> Any:
    names = [each.name for each in dataclasses.fields(options)]
    unknown = next((name for name in values if name not in names), None)
    if unknown is not None:
        raise ImprintError(f"{what} has no setting {unknown!r}: it has {', '.join(names)}")
    try:
        return dataclasses.replace(options, **values)
    except TypeError as error:
        raise ImprintError(f"{what}: a value has the wrong type ({error})") from error
