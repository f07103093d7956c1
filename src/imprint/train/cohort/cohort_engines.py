"""Three ways to run the same training: one after another, in worker processes, stacked.

All of them train the models of :class:`imprint.train.cohort.cohort_plan.Plan` to the same weights
within rounding, and each writes a model as soon as it is trained, so that a killed cohort goes on
with the models it has not written.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from imprint.core.device import usable_cores
from imprint.core.progress import track
from imprint.launch.local import run_tasks
from imprint.nets.load import save_model
from imprint.nets.model_card import ModelCard
from imprint.study.hashing import hash_arrays
from imprint.study.store import Study
from imprint.train.cohort.cohort_loop import Trained, Training
from imprint.train.cohort.cohort_options import CohortOptions
from imprint.train.cohort.cohort_plan import Plan
from imprint.train.cohort.resident import Resident, map_resident, write_resident

WEIGHTS = "final.safetensors"
SHARED = ".shared"


@dataclass(frozen=True)
class Job:
    """What all models of a cohort have in common; sent to worker processes.

    Attributes:
        root: of the study.
        fingerprint: of the set.
        card: of the models.
        options: of training.
    """

    root: Path
    fingerprint: str
    card: ModelCard
    options: CohortOptions

    def artefact(self, plan: Plan) -> str:
        """Return the name of a model's folder in the study."""
        return f"models/{plan.model:04d}"

    def weights(self, plan: Plan) -> Path:
        """Return where the weights of a model lie."""
        return self.root / self.artefact(plan) / WEIGHTS

    def settings(self, plan: Plan) -> dict[str, Any]:
        """Return everything that the weights of a model depend on."""
        settings = {
            "data": self.fingerprint,
            "members": hash_arrays(plan.members),
            "model": plan.model,
            "seed": plan.run,
            "train": self.options.recipe(),
        }
        if plan.expected != len(plan.members):
            settings["expected"] = plan.expected
        return settings

    def is_done(self, plan: Plan) -> bool:
        """Return whether the model was trained before.

        Raises:
            ImprintError: it was, with other settings.
        """
        return Study(self.root).is_done(self.artefact(plan), self.settings(plan))

    def save(self, plan: Plan, trained: Trained) -> None:
        """Write weights and card of a model as one artefact of the study."""
        training = {
            **self.card.training,
            "seed": plan.seed,
            "model": plan.model,
            "members": len(plan.members),
            "loss": _finite(trained.loss),
            "accuracy": _finite(trained.accuracy),
        }
        if trained.privacy is not None:
            epsilon = _finite(trained.privacy["epsilon"])
            training["privacy"] = {**trained.privacy, "epsilon": epsilon}
        card = replace(self.card, training=training)

        def build(folder: Path) -> None:
            save_model(folder / WEIGHTS, trained.model, card)

        Study(self.root).step(self.artefact(plan), self.settings(plan), build)


class Run(Protocol):
    """Models in training."""

    def steps(self) -> Iterator[int]:
        """Train, and yield the number of steps done after each."""
        ...

    def trained(self) -> list[Trained]:
        """Return the models as they are now."""
        ...


def start(plans: Sequence[Plan], data: Resident, job: Job) -> Run:
    """Return the untrained models of some plans: one alone, or a stack.

    Raises:
        ImprintError: DP-SGD is asked for and cannot be had.
    """
    if job.options.private:
        from imprint.train.cohort.private import PrivateTraining

        return PrivateTraining(plans[0], data, job.card, job.options)
    return Training(plans, data, job.card, job.options)


def train_sequentially(job: Job, plans: Sequence[Plan], data: Resident) -> None:
    """Train one model after another in this process."""
    steps = sum(plan.per_epoch for plan in plans) * job.options.epochs
    ticks = _train_stacks(job, [[plan] for plan in plans], data)
    for _ in track(ticks, f"train {len(plans)} model(s)", steps, "step"):
        pass


def train_in_processes(job: Job, plans: Sequence[Plan], data: Resident) -> None:
    """Train in worker processes that share the cores, on the CPU; the longest runs first."""
    with shared(job.root, data) as folder:
        tasks = [(job, plan, folder) for plan in longest_first(plans)]
        workers = count_workers(job, plans)
        run_tasks(_train_in_worker, tasks, "train cohort", len(plans), workers, unit="model")


def train_stacked(job: Job, plans: Sequence[Plan], data: Resident) -> None:
    """Train stacks of models that share a schedule, in this process."""
    stacks = list(cut_stacks(plans, job.options.stack))
    steps = sum(stack[0].per_epoch for stack in stacks) * job.options.epochs
    ticks = _train_stacks(job, stacks, data)
    for _ in track(ticks, f"train cohort in {len(stacks)} stack(s)", steps, "step"):
        pass


def cut_stacks(plans: Sequence[Plan], size: int) -> Iterator[list[Plan]]:
    """Yield stacks of up to ``size`` models of one schedule each, as even as can be."""
    ordered = sorted(plans, key=lambda plan: plan.schedule)
    for _, group in groupby(ordered, key=lambda plan: plan.schedule):
        alike = list(group)
        count = -(-len(alike) // size)
        for first in range(count):
            yield alike[first::count]


def longest_first(plans: Sequence[Plan]) -> list[Plan]:
    """Return plans by falling number of steps, so that no long one starts last."""
    return sorted(plans, key=lambda plan: -plan.per_epoch)


def count_workers(job: Job, plans: Sequence[Plan]) -> int:
    """Return how many worker processes train these plans."""
    return min(job.options.workers or usable_cores(), len(plans))


@contextmanager
def shared(root: Path, data: Resident) -> Iterator[Path]:
    """Lay the set where worker processes map it, and take it away afterwards."""
    folder = root / SHARED
    write_resident(folder, data)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _finite(value: float) -> float | None:
    """Return a number that a card can hold: none where samples were empty or ε is unbounded."""
    return value if math.isfinite(value) else None


def _train_in_worker(job: Job, plan: Plan, folder: Path) -> None:
    for one in track([plan], "train cohort", 1, "model"):
        train_sequentially(job, [one], map_resident(folder))


def _train_stacks(job: Job, stacks: Sequence[list[Plan]], data: Resident) -> Iterator[int]:
    for stack in stacks:
        training = start(stack, data, job)
        yield from training.steps()
        for plan, trained in zip(stack, training.trained(), strict=True):
            job.save(plan, trained)
