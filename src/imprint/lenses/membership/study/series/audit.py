"""``membership study``: one thing is varied, all else fixed, and every attack is run.

Each kind of study is a module of its own; what they have in common is here: the images, the table
of points, the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imprint.core.device import choose_device
from imprint.core.missing import Missing
from imprint.data.choice import open_choice
from imprint.lenses.membership.study.series.kinds import STUDIES
from imprint.lenses.membership.study.series.options import StudyOptions
from imprint.lenses.membership.study.signals import check_evidence
from imprint.lenses.membership.study_findings import AnyPoint
from imprint.report.summary import finish
from imprint.stats.estimate import Estimate
from imprint.study.finding import to_json
from imprint.study.plain import JsonObject
from imprint.study.store import Study
from imprint.study.tables import write_table

FOLDER = "membership_study"
RATE = "0.01"


def audit_study(options: StudyOptions) -> JsonObject:
    """Run every step that is not done yet; return the content of ``summary.json``.

    Writes ``membership_study/points.parquet`` beside what the kind of study writes.

    Raises:
        ImprintError: images that cannot be used, options that do not fit, or a study made with
            other settings.
    """
    study = Study(options.out)
    check_evidence(options, options.seed)
    with study.locked():
        images = open_choice(options, options.seed)
        findings = STUDIES.get(options.over)(study, images, options, choose_device(options.device))
        write_points(study.path(FOLDER) / "points.parquet", findings.points)
        facts = {
            "name": images.name,
            "images": len(images),
            "classes": len(images.classes),
            "class_names": list(images.classes),
            "fingerprint": images.fingerprint(),
        }
        return finish(study, options, facts, {"membership": {"study": to_json(findings)}})


def write_points(path: Path, points: Sequence[AnyPoint]) -> None:
    """Write one row per point and attack: where it stands and its AUC and TPR with their intervals.

    What could not be measured is NaN here; the reason is in ``summary.json``.
    """
    rows = [
        (place, point, name, attack)
        for place, point in enumerate(points)
        for name, attack in point.attacks.items()
    ]
    columns = {
        "index": np.arange(len(rows)),
        "point": np.array([place for place, *_ in rows], dtype=np.int64),
        "name": np.array([point.name for _, point, *_ in rows]),
        "value": np.array(
            [np.nan if point.value is None else float(point.value) for _, point, *_ in rows]
        ),
        "attack": np.array([name for _, _, name, _ in rows]),
    }
    estimates: dict[str, list[Estimate | Missing]] = {
        "auc": [attack.auc for *_, attack in rows],
        "tpr_at_0.01": [attack.tpr_at_fpr[RATE] for *_, attack in rows],
    }
    for title, values in estimates.items():
        bounds = np.array([_bounds(value) for value in values]).reshape(-1, 3)
        for column, suffix in zip(bounds.T, ("", "_low", "_high"), strict=True):
            columns[title + suffix] = column
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, columns)


def _bounds(estimate: Estimate | Missing) -> tuple[float, float, float]:
    if isinstance(estimate, Missing):
        return (float("nan"),) * 3
    return estimate.value, estimate.low, estimate.high
