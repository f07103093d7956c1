"""Which engine trains a cohort soonest on this machine: a short timing probe."""

from __future__ import annotations

import heapq
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from imprint.core.errors import ImprintError
from imprint.core.progress import log
from imprint.launch.local import run_tasks
from imprint.train.cohort.cohort_engines import (
    Job,
    count_workers,
    cut_stacks,
    longest_first,
    shared,
    start,
)
from imprint.train.cohort.cohort_loop import can_stack
from imprint.train.cohort.cohort_options import EngineName
from imprint.train.cohort.cohort_plan import Plan
from imprint.train.cohort.resident import Resident, map_resident

# Starting workers takes some 5 s, twice with the probe: shorter cohorts are done sooner without.
WORTH_A_PROBE_SECONDS = 20.0
PROBE_SECONDS = 1.0
GOES = 2
WARM_UP_STEPS = 2
WAIT_SECONDS = 120.0
# What another engine must save, lest noise of the clock decides.
MARGIN = 0.1


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
    asked = job.options.engine
    if asked != "auto":
        _check(asked, job, data)
        return Choice(asked, "asked for")
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
    told = ", ".join(f"{name} {value:.0f} s" for name, value in seconds.items())
    return Choice(least, f"soonest by a probe ({told})", dict(seconds))


def seconds_a_step(job: Job, plans: Sequence[Plan], data: Resident) -> float:
    """Return the mean time of a step of one model, or of one stack: the quicker of two goes.

    A go steps for about a second after the first steps, or to the end of a shorter training;
    steps so long that the first ones fill the second are taken as they are.
    """
    # Other work on the machine slows a go down and never speeds it up.
    return min(_mean_step(start(plans, data, job).steps(), data.device) for _ in range(GOES))


def makespan(lengths: Sequence[float], workers: int) -> float:
    """Return when the last of some tasks ends that workers take in order, each when it is free."""
    free_at = [0.0] * workers
    for length in lengths:
        heapq.heapreplace(free_at, free_at[0] + length)
    return max(free_at)


def _seconds_in_processes(job: Job, plans: Sequence[Plan], data: Resident) -> float:
    workers = count_workers(job, plans)
    begun = time.perf_counter()
    with shared(job.root, data) as folder:
        tasks = [(job, plan, folder, workers) for plan in plans[:workers]]
        found = run_tasks(_probe_in_worker, tasks, "time workers", 0, workers)
    starting = time.perf_counter() - begun - max(spent for _, spent in found)
    step = max(step for step, _ in found)
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


def _mean_step(steps: Iterator[int], device: torch.device) -> float:
    warm, cold_seconds = _time_steps(steps, device, most=WARM_UP_STEPS)
    if cold_seconds < PROBE_SECONDS:
        taken, seconds = _time_steps(steps, device)
        if taken:
            return seconds / taken
    return cold_seconds / warm


def _time_steps(
    steps: Iterator[int], device: torch.device, most: float = math.inf
) -> tuple[int, float]:
    """Return how many steps were taken in about a second, and how long they took."""
    begun = time.perf_counter()
    taken = 0
    while (
        taken < most
        and time.perf_counter() - begun < PROBE_SECONDS
        and next(steps, None) is not None
    ):
        taken += 1
    _wait_for(device)
    return taken, time.perf_counter() - begun


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
