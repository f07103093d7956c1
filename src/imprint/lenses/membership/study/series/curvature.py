"""What step, probes and views do to attacks on the input-loss curvature, and what they cost.

One cohort, trained once; its curvature is measured anew for every step h and number of probes.
The score of a record depends on h beyond a factor (:mod:`imprint.probe.signals.curvature`), so
every h is a score of its own and none is compared with models measured at another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.data.imageset import ImageSet
from imprint.lenses.membership.attack.attack import Attack, AttackSettings
from imprint.lenses.membership.attack.run import attack_cohort, choose_attacks
from imprint.lenses.membership.cohort.evaluation import evaluate_cohort
from imprint.lenses.membership.cohort.references import Cohort
from imprint.lenses.membership.study.cohort.audit import draw_masks, trained_models
from imprint.lenses.membership.study.copies import distinct_pool
from imprint.lenses.membership.study.records import Pool
from imprint.lenses.membership.study.series.options import StudyOptions
from imprint.lenses.membership.study.signals import curvature_signals, signal_steps
from imprint.lenses.membership.study.trials import CURVATURE
from imprint.probe.signals.signal import SignalOptions
from imprint.study.finding import to_json
from imprint.study.json_io import read_json, write_json
from imprint.study.plain import to_plain
from imprint.study.store import Study
from imprint.study.tables import read_table
from imprint.train.cohort.cohort import MASKS

STEPS = (1e-4, 1e-3, 1e-2, 1e-1)
VIEWS = ("identity", "flip")


@dataclass(frozen=True)
class Measured:
    """The curvature of all models at one step and number of probes.

    Attributes:
        values: float64 ``[K, A, N]``, natural logarithms.
        floor: of the same shape, the least that each value can be.
        population: float64 ``[K, A, Q]``.
    """

    values: FloatArray
    floor: FloatArray
    population: FloatArray

    def first_views(self, count: int) -> Measured:
        """Return the first views alone."""
        return Measured(self.values[:, :count], self.floor[:, :count], self.population[:, :count])


def study_curvature(
    study: Study, images: ImageSet, options: StudyOptions, device: torch.device
) -> dict[str, Any]:
    """Train one cohort and attack its curvature, measured in many ways.

    Views are those of ``augmentations``, or the plain image and its mirror image; attacks are
    given the first view alone, then all.

    Raises:
        ImprintError: no attack that reads curvature, or steps and probes that are impossible.
    """
    seed = options.seed
    attacks = [one for one in choose_attacks(options.attacks) if CURVATURE in one.reads]
    if not attacks:
        raise ImprintError("none of these attacks reads curvature: add curvature_lr, or choose all")
    views = options.augmentations if len(options.augmentations) > 1 else VIEWS
    grid = [
        curvature_of(options, step, probes, views)
        for step in sorted(set(options.values or STEPS))
        for probes in sorted(set(options.curvature_probe_counts))
    ]
    pool = distinct_pool(images, options.records, options.population, seed)
    masks = draw_masks(options, len(pool.index), derive(seed, "cohort"))
    models = trained_models(study, images, pool, masks, options, derive(seed, "cohort"), device)
    points = []
    for signals in grid:
        name = f"h {signals.step:g} probes {signals.probes}"
        folder = name.replace(" ", "-")
        made = signal_steps(study, folder, models, images, pool, signals, device)
        settings = {
            "param": to_plain(options.param),
            "attacks": [one.name for one in attacks],
            "seed": seed,
        }

        def build(file: Path, made: tuple[str, ...] = made) -> None:
            measured = read_curvature(study, made, views, pool)
            found = [
                attack_curvature(
                    measured.first_views(count),
                    masks.members,
                    attacks,
                    options.attack_settings,
                    seed,
                )
                for count in (1, len(views))
            ]
            write_json(file, found)

        step = study.step(f"grid/{folder}.json", settings, build, (*made, MASKS))
        for count, found in zip((1, len(views)), read_json(step), strict=True):
            points.append(
                {
                    "value": signals.step,
                    "name": f"{name} views {count}",
                    "probes": signals.probes,
                    "views": list(views[:count]),
                    "queries": count * (1 + 4 * signals.probes),
                    **found,
                }
            )
    return {"points": points, "models": len(models), "records": len(pool.index)}


def curvature_of(
    options: StudyOptions, step: float, probes: int, views: tuple[str, ...]
) -> SignalOptions:
    """Return how to measure at one place of the grid; all places share directions.

    Raises:
        ImprintError: a step or a number of probes that is impossible.
    """
    choice = replace(options, curvature_step=step, curvature_probes=probes, augmentations=views)
    signals = curvature_signals(choice, options.seed)
    return replace(signals, signals=("log_curvature", "log_floor"))


def read_curvature(
    study: Study, tables: Sequence[str], views: Sequence[str], pool: Pool
) -> Measured:
    """Return what the tables of all models hold."""
    found = [read_table(study.path(name)) for name in tables]
    values, floor = (
        np.array(
            [[table[f"{signal}.{view}"] for view in views] for table in found], dtype=np.float64
        )
        for signal in ("log_curvature", "log_floor")
    )
    attacked = len(pool.index)
    return Measured(values[..., :attacked], floor[..., :attacked], values[..., attacked:])


def attack_curvature(
    measured: Measured,
    masks: BoolArray,
    attacks: Sequence[Attack],
    options: AttackSettings,
    seed: int,
) -> dict[str, Any]:
    """Return how attacks do that are shown nothing but this curvature, and the share at the floor.

    Args:
        measured: of all models.
        masks: bool ``[K, N]``.
        attacks: that read curvature.
        options: of them.
        seed: of halves and of the bootstrap.
    """
    cohort = Cohort({CURVATURE: measured.values}, masks, {CURVATURE: measured.population})
    scored = attack_cohort(cohort, attacks, options)
    shown: Mapping[str, Any] = {
        name: to_json(evaluate_cohort(scores, masks, seed=seed))
        for name, scores in scored.scores.items()
    }
    resolved = measured.values > measured.floor
    return {
        "attacks": dict(shown),
        "skipped": dict(scored.skipped),
        "at_floor": {
            "members": float(1 - resolved[masks_of(masks, resolved)].mean()),
            "non_members": float(1 - resolved[~masks_of(masks, resolved)].mean()),
        },
    }


def masks_of(masks: BoolArray, values: BoolArray) -> BoolArray:
    """Return the masks for every view, of the shape of ``values`` ``[K, A, N]``."""
    return np.broadcast_to(masks[:, None], values.shape)
