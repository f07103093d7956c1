"""Three ways to train a cohort: one model after another, in worker processes, or stacked.

All of them train the models of :class:`imprint.train.cohort.plan.Plan` to the same weights within
rounding, and each writes a model as soon as it is trained, so that a killed cohort goes on with
the models it has not written. Which is soonest on this machine is found by a short timing.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Protocol

from imprint.core.device import choose_device, usable_cores
from imprint.core.errors import ImprintError
from imprint.core.progress import log, track
from imprint.launch.launcher import launcher_in_use, run_tasks, task_device
from imprint.train.cohort.job import Job
from imprint.train.cohort.options import EngineName
from imprint.train.cohort.plan import Plan, TrainedModel
from imprint.train.cohort.resident import Resident, map_resident, write_resident
from imprint.train.cohort.step_timing import makespan, time_step
from imprint.train.cohort.training import Training, can_stack

SHARED = ".shared"
# Starting workers takes some 5 s, twice with the probe: shorter cohorts are done sooner without.
WORTH_A_PROBE_SECONDS = 20.0
GOES = 2
WAIT_SECONDS = 120.0
# What another engine must save, lest noise of the clock decides.
MARGIN = 0.1


class TrainingRun(Protocol):
    """Models in training."""

    def steps(self) -> Iterator[int]:
        """Train, and yield the number of steps done after each."""
        ...

    def trained(self) -> list[TrainedModel]:
        """Return the models as they are now."""
        ...


def start(plans: Sequence[Plan], data: Resident, job: Job) -> TrainingRun:
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
    """Train one model a task, by the launcher in use; the longest runs first.

    On this machine those are worker processes that share the cores, on the CPU.
    """
    with shared(job.root, data) as folder:
        ordered = longest_first(plans)
        run_tasks(
            _train_in_worker,
            [(job, plan, folder, task_device(data.device.type)) for plan in ordered],
            "train cohort",
            len(plans),
            job.options.workers or None,
            unit="model",
            sharing=job.models,
            study=job.root,
            keys=[job.step(plan).artefact for plan in ordered],
        )


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


def _train_in_worker(job: Job, plan: Plan, folder: Path, device: str) -> None:
    for one in track([plan], "train cohort", 1, "model"):
        if not job.is_done(one):
            train_sequentially(job, [one], map_resident(folder).to(choose_device(device)))


def _train_stacks(job: Job, stacks: Sequence[list[Plan]], data: Resident) -> Iterator[int]:
    for stack in stacks:
        training = start(stack, data, job)
        yield from training.steps()
        for plan, trained in zip(stack, training.trained(), strict=True):
            job.save(plan, trained)


@dataclass(frozen=True)
class Choice:
    """An engine, and why.

    Attributes:
        engine: which.
        why: the reason, in words.
        seconds: expected for the whole cohort, by each engine that was timed.
    """

    engine: EngineName
    why: str
    seconds: Mapping[EngineName, float] = field(default_factory=dict)


def choose_engine(job: Job, plans: Sequence[Plan], data: Resident) -> Choice:
    """Return the engine that was asked for, or the one that would train the plans soonest.

    Each engine that can do the work trains twice for about a second: a stack as large as it would
    be, the workers all at once. The rest is arithmetic: steps × seconds a step, plus the measured
    start of the workers. Nothing trained here is kept.

    Args:
        job: of the cohort; its options say which engine is asked for.
        plans: of the models to train, at least one.
        data: the set, on the device that trains.

    Raises:
        ImprintError: the engine asked for cannot do it.
    """
    requested = job.options.engine
    if launcher_in_use().is_remote:
        return Choice("processes", "one model a task of the launcher")
    if requested != "auto":
        _check(requested, job, data)
        return Choice(requested, "asked for")
    steps = [plan.per_epoch * job.options.epochs for plan in plans]
    seconds: dict[EngineName, float] = {
        "sequential": sum(steps) * seconds_a_step(job, plans[:1], data)
    }
    if seconds["sequential"] < WORTH_A_PROBE_SECONDS:
        return Choice("sequential", "too little work to be worth a probe", seconds)
    stack = max(cut_stacks(plans, job.options.stack), key=len)
    if len(stack) > 1 and not job.options.private and can_stack(job.card):
        seconds["stacked"] = sum(steps) * seconds_a_step(job, stack, data) / len(stack)
    if data.device.type == "cpu" and count_workers(job, plans) > 1:
        seconds["processes"] = _seconds_in_processes(job, plans, data)
    choice = fastest(seconds)
    log(f"train cohort: {choice.engine}, {choice.why}")
    return choice


def fastest(seconds: Mapping[EngineName, float]) -> Choice:
    """Return the engine of least seconds; ``sequential`` unless another saves a tenth."""
    least = min(seconds, key=lambda name: seconds[name])
    if seconds[least] > (1 - MARGIN) * seconds["sequential"]:
        least = "sequential"
    timings = ", ".join(f"{name} {value:.0f} s" for name, value in seconds.items())
    return Choice(least, f"soonest by a probe ({timings})", dict(seconds))


def seconds_a_step(job: Job, plans: Sequence[Plan], data: Resident) -> float:
    """Return the mean time of a step of one model, or of one stack: the quicker of two goes.

    A go steps for about a second after the first steps, or to the end of a shorter training;
    steps so long that the first ones fill the second are taken as they are.
    """
    # Other work on the machine slows a go down and never speeds it up.
    return min(time_step(start(plans, data, job).steps(), data.device) for _ in range(GOES))


def _seconds_in_processes(job: Job, plans: Sequence[Plan], data: Resident) -> float:
    workers = count_workers(job, plans)
    begun = time.perf_counter()
    with shared(job.root, data) as folder:
        tasks = [(job, plan, folder, workers) for plan in plans[:workers]]
        timings = run_tasks(_probe_in_worker, tasks, "time workers", 0, workers)
    starting = time.perf_counter() - begun - max(spent for _, spent in timings)
    step = max(step for step, _ in timings)
    lengths = [plan.per_epoch * job.options.epochs * step for plan in longest_first(plans)]
    return starting + makespan(lengths, workers)


def _probe_in_worker(job: Job, plan: Plan, folder: Path, workers: int) -> tuple[float, float]:
    """Return seconds a step while all workers step, and seconds that the timing took."""
    data = map_resident(folder)
    (folder / f"ready.{plan.model}").touch()
    latest = time.monotonic() + WAIT_SECONDS
    while len(list(folder.glob("ready.*"))) < workers and time.monotonic() < latest:
        time.sleep(0.005)
    begun = time.perf_counter()
    step = seconds_a_step(job, [plan], data)
    return step, time.perf_counter() - begun


def _check(engine: EngineName, job: Job, data: Resident) -> None:
    if engine == "processes" and data.device.type != "cpu":
        raise ImprintError(
            f"worker processes train on the CPU, not on {data.device.type}: "
            "choose the engine stacked or sequential"
        )
    if engine == "stacked" and not can_stack(job.card):
        raise ImprintError(
            f"{job.card.architecture} draws noise in its layers (dropout), so stacked models would "
            "depend on one another: choose the engine sequential or processes"
        )
