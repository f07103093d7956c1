"""A cohort: models that differ in which records of one set they were trained on.

Each model becomes an artefact of the study, ``models/<id>``, as soon as it is trained. A cohort
that was killed goes on with the models it lacks; what a model becomes depends on the run's seed
and its id alone, so it is the same in whatever company or order it is trained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from imprint.core.errors import ImprintError
from imprint.data.imageset import ImageSet
from imprint.launch.launcher import launcher_in_use
from imprint.nets.fill import initial_model
from imprint.study.counted import uncounted
from imprint.study.json_io import read_json, write_json
from imprint.study.step import Step
from imprint.study.store import Study
from imprint.train.cohort.engines import (
    Choice,
    choose_engine,
    train_in_processes,
    train_sequentially,
    train_stacked,
)
from imprint.train.cohort.job import Job
from imprint.train.cohort.masks import MASKS, Masks, write_masks
from imprint.train.cohort.options import CohortOptions, EngineName
from imprint.train.cohort.plan import Plan, cohort_card, plan_models
from imprint.train.cohort.resident import Resident, load_resident

ENGINES = {
    "sequential": train_sequentially,
    "processes": train_in_processes,
    "stacked": train_stacked,
}


@dataclass(frozen=True)
class MembersStep(Step):
    """The masks of a cohort, ``masks/members.npy`` with its card."""

    members: str
    design: Mapping[str, Any]
    masks: Masks = uncounted()

    artefact = MASKS

    def build(self, path: Path) -> None:
        """Write the masks."""
        write_masks(path / "members.npy", self.masks)


@dataclass(frozen=True)
class EngineStep(Step):
    """The engine that a timing chose, so that a resumed cohort uses the same.

    Its seconds are logged and kept in no artefact: they differ from run to run.
    """

    data: str
    members: str
    train: CohortOptions
    device: str = uncounted()
    choose: Callable[[], EngineName] = uncounted()

    @property
    def artefact(self) -> str:  # type: ignore[override]
        """A file for each kind of device."""
        return f"engine-{self.device}.json"

    def build(self, path: Path) -> None:
        """Time the engines and write the name of the soonest."""
        write_json(path, {"engine": self.choose()})


@dataclass(frozen=True)
class CohortRun:
    """Where the models of a cohort are, and how they were trained.

    Attributes:
        weights: the file of every model, in the order of the masks' rows.
        trained: how many were trained now; the others were there.
        engine: what trained them, None where nothing was left to train.
        why: the reason for the engine.
        seconds: expected by each engine that was timed.
    """

    weights: tuple[Path, ...]
    trained: int
    engine: EngineName | None
    why: str
    seconds: Mapping[EngineName, float]


def train_cohort(
    study: Study,
    images: ImageSet,
    masks: Masks,
    options: CohortOptions,
    seed: int,
    device: torch.device,
    expected: int | None = None,
) -> CohortRun:
    """Train one model a row of the masks, unless it is done.

    Writes ``masks/members.npy`` with its card, ``models/<id>/final.safetensors`` with the card of
    each model and, where the engine was to be chosen, ``engine-<device>.json``.

    Args:
        study: the folder; the caller holds its lock.
        images: the set; a copy at the network's size must fit into memory.
        masks: bool ``[K, N]``, N the size of the set.
        options: of training, the same for all models.
        seed: of the run.
        device: where to train.
        expected: members of a model on average, where DP-SGD must not depend on their number
            (:func:`imprint.train.cohort.plan.plan_models`).

    Raises:
        ImprintError: masks of another set, a model with fewer than two members, an architecture
            or an engine that cannot be used, a loss that is not finite, or models that were
            trained with other settings.
    """
    records = masks.members.shape[1]
    if records != len(images):
        raise ImprintError(
            f"the masks are of {records} records, but {images.name} has {len(images)} images"
        )
    card = cohort_card(images, options)
    untrained = initial_model(card, seed)
    if options.private:
        from imprint.train.cohort.private import check_layers, require_opacus

        require_opacus()
        check_layers(untrained, card)
    plans = plan_models(masks.members, range(len(masks.members)), options, seed, expected)
    study.run(MembersStep(masks.hash(), masks.design, masks))
    job = Job(study.root, images.fingerprint(), card, options, len(plans))
    weights = tuple(job.weights(plan) for plan in plans)
    missing = [plan for plan in plans if not job.is_done(plan)]
    study.keep_fingerprints(images.fingerprint())
    if not missing:
        return CohortRun(weights, 0, None, "every model was there", {})
    if options.private:
        from imprint.train.cohort.private import check_noise

        check_noise(missing, options)
    data = load_resident(images, options.input_size, device)
    choice = _chosen(study, job, plans, data, masks)
    ENGINES[choice.engine](job, missing, data)
    return CohortRun(weights, len(missing), choice.engine, choice.why, choice.seconds)


def _chosen(study: Study, job: Job, plans: list[Plan], data: Resident, masks: Masks) -> Choice:
    """Return the engine; one that was timed is kept, so that a resumed cohort uses the same."""
    if job.options.engine != "auto" or launcher_in_use().is_remote:
        return choose_engine(job, plans, data)
    timed: list[Choice] = []

    def choose() -> EngineName:
        timed.append(choose_engine(job, plans, data))
        return timed[0].engine

    step = EngineStep(job.fingerprint, masks.hash(), job.options, data.device.type, choose)
    engine: EngineName = read_json(study.run(step))["engine"]
    return timed[0] if timed else Choice(engine, "chosen when the cohort was begun", {})
