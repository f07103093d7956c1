"""A point of a study that is a whole cohort of its own, in ``points/NAME`` of the study."""

from __future__ import annotations

from dataclasses import replace

import torch

from imprint.core.progress import log
from imprint.core.seeds import derive
from imprint.data.imageset import ImageSet
from imprint.lenses.membership.study.cohort.audit import attack_trained_cohort, draw_masks
from imprint.lenses.membership.study.records import RecordPool
from imprint.lenses.membership.study.series.options import StudyOptions
from imprint.lenses.membership.study_findings import CohortPoint, MemberCounts
from imprint.study.store import Study
from imprint.train.cohort.masks import Masks


def point_study(study: Study, name: str) -> Study:
    """Return where the artefacts of one point go; the study's lock holds for it too."""
    return Study(study.path(point_folder(name)))


def point_folder(name: str) -> str:
    """Return the folder of a point within the study."""
    return "points/" + name.replace(" ", "-")


def point_seed(options: StudyOptions, name: str) -> int:
    """Return the seed of one point, unrelated to that of every other."""
    return derive(options.seed, "point", name)


def point_masks(options: StudyOptions, name: str, pool: RecordPool) -> Masks:
    """Return who is trained on what at one point.

    Raises:
        ImprintError: too few models.
    """
    return draw_masks(options, len(pool.index), derive(point_seed(options, name), "masks"))


def cohort_point(
    study: Study,
    images: ImageSet,
    pool: RecordPool,
    name: str,
    value: float | None,
    options: StudyOptions,
    device: torch.device,
) -> CohortPoint:
    """Train and attack one cohort; return the point.

    Args:
        study: the whole study.
        images: the set.
        pool: records of this point, and the population.
        name: of the point.
        value: of what is varied; None stands for no bound at all.
        options: as this point needs them.
        device: where to compute.

    Raises:
        ImprintError: options that do not fit.
    """
    log(f"{options.over}: {name}")
    masks = point_masks(options, name, pool)
    findings = attack_trained_cohort(
        point_study(study, name), images, pool, masks, options, point_seed(options, name), device
    )
    sizes = masks.members.sum(axis=1)
    return CohortPoint(
        value=value,
        name=name,
        attacks={
            attack: replace(finding, controls=None) for attack, finding in findings.attacks.items()
        },
        skipped=findings.skipped,
        failed_controls=tuple(
            f"{control} of {attack}"
            for attack, finding in findings.attacks.items()
            for control in finding.failed_controls
        ),
        accuracy=findings.cohort.accuracy,
        models=len(sizes),
        records=len(pool.index),
        members=MemberCounts(int(sizes.min()), int(sizes.max())),
    )
