"""A point of a study that is a whole cohort of its own, in ``points/NAME`` of the study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from imprint.core.progress import log
from imprint.core.seeds import derive
from imprint.data.imageset import ImageSet
from imprint.lenses.membership.study.cohort.audit import attack_steps, draw_masks
from imprint.lenses.membership.study.records import Pool
from imprint.lenses.membership.study.series.options import StudyOptions
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


def point_masks(options: StudyOptions, name: str, pool: Pool) -> Masks:
    """Return who is trained on what at one point.

    Raises:
        ImprintError: too few models.
    """
    return draw_masks(options, len(pool.index), derive(point_seed(options, name), "masks"))


def cohort_point(
    study: Study,
    images: ImageSet,
    pool: Pool,
    name: str,
    value: float | None,
    options: StudyOptions,
    device: torch.device,
) -> dict[str, Any]:
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
    found = attack_steps(
        point_study(study, name), images, pool, masks, options, point_seed(options, name), device
    )
    sizes = masks.members.sum(axis=1)
    return {
        "value": value,
        "name": name,
        "attacks": {attack: _short(shown) for attack, shown in found["attacks"].items()},
        "skipped": found["skipped"],
        "failed_controls": _failed(found["attacks"]),
        "accuracy": found["cohort"]["accuracy"],
        "models": len(sizes),
        "records": len(pool.index),
        "members": {"least": int(sizes.min()), "most": int(sizes.max())},
    }


def _short(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name != "controls"}


def _failed(attacks: Mapping[str, Any]) -> list[str]:
    return [
        f"{control} of {attack}"
        for attack, shown in attacks.items()
        for control, result in shown.get("controls", {}).items()
        if not result["passed"]
    ]
