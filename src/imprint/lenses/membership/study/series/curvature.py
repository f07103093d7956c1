"""What step, probes and views do to attacks on the input-loss curvature, and what they cost.

One cohort, trained once; its curvature is measured anew for every step h and number of probes.
The score of a record depends on h beyond a factor (:mod:`imprint.probe.signals.curvature`), so
every h is a score of its own and none is compared with models measured at another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from imprint.core.arrays import BoolArray, FloatArray
from imprint.core.errors import ImprintError
from imprint.core.seeds import derive
from imprint.data.imageset import ImageSet
from imprint.lenses.membership.attack_kit.attack import Attack, AttackSettings
from imprint.lenses.membership.attack_kit.run import attack_cohort, choose_attacks
from imprint.lenses.membership.cohort.evaluation import evaluate_cohort
from imprint.lenses.membership.cohort.references import Cohort
from imprint.lenses.membership.findings import BothSides
from imprint.lenses.membership.study.cohort.audit import draw_masks, trained_models
from imprint.lenses.membership.study.copies import distinct_pool
from imprint.lenses.membership.study.records import RecordPool
from imprint.lenses.membership.study.series.kinds import STUDIES
from imprint.lenses.membership.study.series.options import StudyOptions
from imprint.lenses.membership.study.signals import curvature_signals, signal_steps
from imprint.lenses.membership.study.trials import CURVATURE
from imprint.lenses.membership.study_findings import CurvaturePoint, CurvatureStudy
from imprint.probe.signals.signal import SignalOptions
from imprint.study.counted import uncounted
from imprint.study.finding import read_finding, write_finding
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.study.tables import read_table
from imprint.train.cohort.masks import MASKS

STEPS = (1e-4, 1e-3, 1e-2, 1e-1)
VIEWS = ("identity", "flip")


@dataclass(frozen=True)
class MeasuredCurvature:
    """The curvature of all models at one step and number of probes.

    Attributes:
        values: float64 ``[K, A, N]``, natural logarithms.
        floor: of the same shape, the least that each value can be.
        population: float64 ``[K, A, Q]``.
    """

    values: FloatArray
    floor: FloatArray
    population: FloatArray

    def first_views(self, count: int) -> MeasuredCurvature:
        """Return the first views alone."""
        return MeasuredCurvature(
            self.values[:, :count], self.floor[:, :count], self.population[:, :count]
        )


@STUDIES.register("curvature")
def study_curvature(
    study: Study, images: ImageSet, options: StudyOptions, device: torch.device
) -> CurvatureStudy:
    """Train one cohort and attack its curvature, measured in many ways.

    Views are those of ``augmentations``, or the plain image and its mirror image; attacks are
    given the first view alone, then all.

    Raises:
        ImprintError: no attack that reads curvature, or steps and probes that are impossible.
    """
    seed = options.seed
    if not curvature_attacks(options.attacks):
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
    points: list[CurvaturePoint] = []
    for signals in grid:
        name = f"h {signals.step:g} probes {signals.probes}"
        folder = name.replace(" ", "-")
        step = AttackCurvature(
            name=name,
            signals=signals,
            attacks=options.attacks,
            settings=options.attack_settings,
            seed=seed,
            pool=pool,
            masks=masks.members,
            tables=signal_steps(study, folder, models, images, pool, signals, device),
            study=study,
        )
        points += read_finding(tuple[CurvaturePoint, ...], study.run(step))
    return CurvatureStudy(points=tuple(points), models=len(models), records=len(pool.index))


def curvature_attacks(names: Sequence[str]) -> list[Attack]:
    """Return the attacks of these names that read curvature."""
    return [attack for attack in choose_attacks(names) if CURVATURE in attack.reads]


@dataclass(frozen=True, kw_only=True)
class AttackCurvature(Step):
    """Write ``grid/NAME.json``: a :class:`CurvaturePoint` of the first view, and one of all.

    Attributes:
        name: of the place of the grid.
        signals: how curvature is measured there.
        attacks: their names.
        settings: of attacks.
        seed: of halves and of the bootstrap.
        pool: records and population.
        masks: bool ``[K, N]``.
        tables: of the curvature of each model.
        study: the folder.
    """

    name: str
    signals: SignalOptions
    attacks: tuple[str, ...]
    settings: AttackSettings
    seed: int
    pool: RecordPool
    masks: BoolArray
    tables: tuple[str, ...] = uncounted()
    study: Study = uncounted()

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """The file of this place."""
        return f"grid/{self.name.replace(' ', '-')}.json"

    @property
    def inputs(self) -> tuple[str, ...]:  # type: ignore[override]
        """Every table of curvature, and the masks."""
        return (*self.tables, MASKS)

    def build(self, path: Path) -> None:
        """Attack and write the points."""
        views = self.signals.augmentations
        measured = read_curvature(self.study, self.tables, views, self.pool)
        points = [self._point(measured, views[:count]) for count in (1, len(views))]
        write_finding(path, points)

    def _point(self, measured: MeasuredCurvature, views: tuple[str, ...]) -> CurvaturePoint:
        """Return what attacks show that see nothing but the curvature of some views."""
        seen = measured.first_views(len(views))
        cohort = Cohort({CURVATURE: seen.values}, self.masks, {CURVATURE: seen.population})
        outcome = attack_cohort(cohort, curvature_attacks(self.attacks), self.settings)
        return CurvaturePoint(
            value=self.signals.step,
            name=f"{self.name} views {len(views)}",
            probes=self.signals.probes,
            views=views,
            queries=len(views) * (1 + 4 * self.signals.probes),
            attacks={
                name: evaluate_cohort(scores, self.masks, seed=self.seed)
                for name, scores in outcome.scores.items()
            },
            skipped=outcome.skipped,
            at_floor=share_at_floor(seen, self.masks),
        )


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
    study: Study, tables: Sequence[str], views: Sequence[str], pool: RecordPool
) -> MeasuredCurvature:
    """Return what the tables of all models hold."""
    columns = [read_table(study.path(name)) for name in tables]
    values, floor = (
        np.array(
            [[table[f"{signal}.{view}"] for view in views] for table in columns], dtype=np.float64
        )
        for signal in ("log_curvature", "log_floor")
    )
    attacked = len(pool.index)
    return MeasuredCurvature(values[..., :attacked], floor[..., :attacked], values[..., attacked:])


def share_at_floor(measured: MeasuredCurvature, masks: BoolArray) -> BothSides:
    """Return the share of values that are no larger than rounding, of members and non-members.

    Args:
        measured: of all models.
        masks: bool ``[K, N]``.
    """
    resolved = measured.values > measured.floor
    members = np.broadcast_to(masks[:, None], resolved.shape)
    return BothSides(float(1 - resolved[members].mean()), float(1 - resolved[~members].mean()))
