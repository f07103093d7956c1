"""``membership study``: one thing is varied, all else stays, and every attack is run again.

Each kind of study is a module of its own; what they have in common is here: the images, the list
of points, the table, the page. A point is ``value`` of what was varied and, by attack, estimates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imprint.core.device import choose_device
from imprint.core.errors import ImprintError
from imprint.data.choice import open_choice
from imprint.data.imageset import ImageSet
from imprint.lenses.membership.study.series.curvature import study_curvature
from imprint.lenses.membership.study.series.epsilon import study_epsilon
from imprint.lenses.membership.study.series.models import study_models
from imprint.lenses.membership.study.series.options import Over, StudyOptions
from imprint.lenses.membership.study.series.size import study_sizes
from imprint.lenses.membership.study.signals import check_evidence
from imprint.report.summary import finish
from imprint.study.store import Study
from imprint.study.tables import write_table

Kind = Callable[[Study, ImageSet, StudyOptions, torch.device], dict[str, Any]]
"""Runs what is missing of a study; returns ``points`` and what else it found."""

KINDS: Mapping[Over, Kind] = {
    "models": study_models,
    "size": study_sizes,
    "epsilon": study_epsilon,
    "curvature": study_curvature,
}
FOLDER = "membership_study"
RATE = "0.01"


def audit_study(options: StudyOptions) -> dict[str, Any]:
    """Run every step that is not done yet; return the content of ``summary.json``.

    Writes ``membership_study/points.parquet`` beside what the kind of study writes.

    Raises:
        ImprintError: images that cannot be used, options that do not fit, or a study made with
            other settings.
    """
    study = Study(options.out)
    check_evidence(options, options.seed)
    if options.subsets < 1:
        raise ImprintError(f"--subsets is {options.subsets}: it must be at least 1")
    with study.locked():
        images = open_choice(options, options.seed)
        found = KINDS[options.over](study, images, options, choose_device(options.device))
        write_points(study.path(FOLDER) / "points.parquet", found["points"])
        facts = {
            "name": images.name,
            "images": len(images),
            "classes": len(images.classes),
            "class_names": list(images.classes),
            "fingerprint": images.fingerprint(),
        }
        lens = {"study": {"over": options.over, **found}}
        return finish(study, options, facts, {"membership": lens})


def write_points(path: Path, points: Sequence[Mapping[str, Any]]) -> None:
    """Write a row a point and attack: where it stands and its AUC and TPR with their intervals.

    What could not be measured is NaN here; the reason is in ``summary.json``.
    """
    rows = [
        (place, point, name, attack)
        for place, point in enumerate(points)
        for name, attack in point["attacks"].items()
    ]
    columns = {
        "index": np.arange(len(rows)),
        "point": np.array([place for place, *_ in rows], dtype=np.int64),
        "name": np.array([point["name"] for _, point, *_ in rows]),
        "value": np.array([_number(point["value"]) for _, point, *_ in rows]),
        "attack": np.array([name for _, _, name, _ in rows]),
    }
    for title, of in (("auc", _auc), ("tpr_at_0.01", _tpr)):
        bounds = np.array([_bounds(of(attack)) for *_, attack in rows]).reshape(-1, 3)
        for column, suffix in zip(bounds.T, ("", "_low", "_high"), strict=True):
            columns[title + suffix] = column
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, columns)


def _auc(attack: Mapping[str, Any]) -> Any:
    return attack["auc"]


def _tpr(attack: Mapping[str, Any]) -> Any:
    return attack["tpr_at_fpr"][RATE]


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _bounds(shown: Mapping[str, Any]) -> tuple[float, float, float]:
    if "missing" in shown:
        return (float("nan"),) * 3
    low, high = shown["ci95"]
    return float(shown["value"]), float(low), float(high)
