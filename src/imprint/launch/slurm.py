"""Launcher through submitit: SLURM where there is srun, else processes of this machine.

Every run has a folder of its own, ``STUDY/.tasks/submitit/…``, for what submitit sends and
receives as pickles; nothing that an earlier run left there is read.
"""

from __future__ import annotations

import importlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from imprint.core.device import usable_cores
from imprint.core.durable import make_folder
from imprint.core.errors import ImprintError, reason_of
from imprint.core.progress import log
from imprint.launch import worker
from imprint.launch.driving import POLL_SECONDS, Policy, WorkerDiedError, drive
from imprint.launch.ledger import FOLDER
from imprint.launch.task import Group
from imprint.launch.worker import Outcome, Request, perform

T = TypeVar("T")

MINUTES_WITHOUT_LIMIT = 60 * 24 * 365
SLURM_POLL_SECONDS = 1.0
SACCT_SECONDS = 60.0
MOST_JOBS = 10_000
"""Of one array: SLURM's usual limit for a user; the rest follow as jobs end."""


@dataclass(frozen=True)
class Allocation:
    """What SLURM is asked for.

    Attributes:
        partition: empty: the default one.
        account: empty: the default one.
        minutes: a task may take before it is requeued.
        parallel: most tasks of an array at once.
        grace: seconds between the warning and the end of a job.
        timeouts: how often a task may use up its time.
        extra: further options of sbatch.
    """

    partition: str = ""
    account: str = ""
    minutes: int = 24 * 60
    parallel: int = 100
    grace: int = 90
    timeouts: int = 3
    extra: tuple[tuple[str, str], ...] = ()


@dataclass
class SubmititLauncher:
    """Jobs of SLURM, or processes.

    Attributes:
        cpus: cores of a task; 0: the tasks share those of this machine evenly.
        gpus: of a task.
        memory: GiB of a task; 0: the default of the partition.
        allocation: what SLURM is asked for besides.
        policy: about failures.
    """

    cpus: int = 0
    gpus: int = 0
    memory: float = 0.0
    allocation: Allocation = field(default_factory=Allocation)
    policy: Policy = field(default_factory=Policy)
    is_remote: bool = True
    _folders: list[Path] = field(default_factory=list)

    def run(self, group: Group[T]) -> list[T]:
        """Return what every task returned, in order.

        Raises:
            ImprintError: submitit cannot be had, SLURM refuses the jobs, tasks failed, or their
                workers died too often.
        """
        submitit = _import_submitit()
        assert group.ledger is not None
        parent = group.ledger.study / FOLDER / "submitit"
        if parent.is_symlink() or parent.parent.is_symlink():
            raise ImprintError(f"{parent} is a link: remove it and run again")
        folder = parent / f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}"
        make_folder(parent)
        folder.mkdir(mode=0o700)
        self._folders.append(folder)
        has_slurm = shutil.which("srun") is not None
        if not has_slurm:
            log("launcher: no srun on this machine, so submitit starts processes of its own")
        executor = self._executor(submitit, folder, group.threads, has_slurm)
        room = MOST_JOBS if has_slurm else self._local_room(group.threads)
        return drive(group, SubmititCluster(executor, room, has_slurm), self.policy)

    def close(self) -> None:
        """Remove what submitit sent and received."""
        for folder in self._folders:
            shutil.rmtree(folder, ignore_errors=True)
        self._folders.clear()

    def parameters(self, threads: int) -> dict[str, Any]:
        """Return what SLURM is asked for, as submitit calls it."""
        wanted = self.allocation
        parameters: dict[str, Any] = {
            "job_name": "imprint",
            "time": wanted.minutes,
            "nodes": 1,
            "ntasks_per_node": 1,
            "cpus_per_task": threads,
            "array_parallelism": wanted.parallel,
            "signal_delay_s": wanted.grace,
        }
        optional = {
            "partition": wanted.partition,
            "account": wanted.account,
            "gpus_per_node": self.gpus,
            "mem": _megabytes(self.memory),
        }
        parameters |= {name: value for name, value in optional.items() if value}
        # A preempted job goes back into the queue, and goes on from what it left in the study.
        parameters["additional_parameters"] = {"requeue": True, **dict(wanted.extra)}
        return parameters

    def _executor(self, submitit: Any, folder: Path, threads: int, has_slurm: bool) -> Any:
        if has_slurm:
            executor = submitit.SlurmExecutor(folder, max_num_timeout=self.allocation.timeouts)
            executor.update_parameters(**self.parameters(threads))
        else:
            executor = submitit.LocalExecutor(folder)
            executor.update_parameters(
                timeout_min=MINUTES_WITHOUT_LIMIT, gpus_per_node=self.gpus, signal_delay_s=30
            )
        return executor

    def _local_room(self, threads: int) -> int:
        """Return how many processes this machine holds: submitit would start all at once."""
        return 1 if self.gpus else max(1, usable_cores() // threads)


@dataclass(frozen=True)
class SubmititCluster:
    """Attempts are jobs of submitit."""

    executor: Any
    room: int
    has_slurm: bool
    takes_arrays: bool = False
    _asked: list[float] = field(default_factory=lambda: [time.monotonic()])

    def submit(self, requests: Sequence[Request]) -> list[Any]:
        """Start an attempt at each of some tasks: an array where they are several.

        Raises:
            ImprintError: SLURM refuses them.
        """
        try:
            with _search_path_of(requests), _errors_to(self.executor.folder / "errors.txt"):
                return list(self.executor.map_array(Attempt(), requests))
        except Exception as error:
            raise ImprintError(
                f"sbatch refused the tasks ({reason_of(error)}): check --slurm.partition, "
                "--slurm.account, --slurm.minutes and --slurm.extra"
            ) from error

    def ended(self, attempts: Sequence[Any]) -> list[Any]:
        """Return the attempts that are over, waiting a moment for one."""
        if self.has_slurm:
            self._ask_slurm(attempts)
        over = [attempt for attempt in attempts if attempt.done()]
        if not over:
            time.sleep(SLURM_POLL_SECONDS if self.has_slurm else POLL_SECONDS)
        return over

    def _ask_slurm(self, attempts: Sequence[Any]) -> None:
        """Ask what became of jobs that left no result; submitit by itself would every ten minutes.

        It is one call of sacct for all.
        """
        now = time.monotonic()
        if now - self._asked[-1] >= SACCT_SECONDS:
            self._asked[:] = [now]
            with suppress(Exception):  # the database is down: the jobs go on
                attempts[0].watcher.update()

    def outcome(self, attempt: Any) -> Outcome:
        """Return how an attempt ended."""
        if not self.has_slurm and not attempt.paths.result_pickle.exists():
            raise WorkerDiedError(_last_words(attempt) or "its process is gone")
        error = attempt.exception()
        if error is None:
            outcome: Outcome = attempt.result()
            return outcome
        if attempt.paths.result_pickle.exists():
            return Outcome(failure=f"the worker could not do it: {_raised(error)}")
        if attempt.state.startswith("CANCELLED"):
            return Outcome(failure=f"its job {attempt.job_id} was cancelled")
        raise WorkerDiedError(f"job {attempt.job_id} ended as {attempt.state}")

    def cancel(self, attempts: Sequence[Any]) -> None:
        """End attempts that are not over."""
        for attempt in attempts:
            with suppress(Exception):
                attempt.cancel()
        if not self.has_slurm:
            for attempt in attempts:
                with suppress(Exception):
                    attempt._process.wait(timeout=10)


class Attempt:
    """What a job calls; when SLURM takes its machine away, it is queued again as it is."""

    def __call__(self, request: Request) -> Outcome:
        """Do the task."""
        return perform(request)

    def checkpoint(self, request: Request) -> Any:
        """Return what runs when the job is started again: the same, for tasks can be resumed."""
        worker.preempted = True
        return _import_submitit().helpers.DelayedSubmission(self, request)


def render_sbatch(launcher: SubmititLauncher, folder: Path, threads: int, tasks: int) -> str:
    """Return the script that sbatch gets for an array of tasks.

    Args:
        launcher: what it asks for.
        folder: where submitit's files are.
        threads: cores of a task.
        tasks: of the array.
    """
    _import_submitit()
    slurm = importlib.import_module("submitit.slurm.slurm")
    command = f"python -u -m submitit.core._submit {folder}"
    text: str = slurm._make_sbatch_string(
        command=command, folder=folder, map_count=tasks, **launcher.parameters(threads)
    )
    return text


def _import_submitit() -> Any:
    try:
        return importlib.import_module("submitit")
    except ImportError as error:
        raise ImprintError(
            f"submitit cannot be imported ({error}): pip install 'imprint[slurm]'"
        ) from error


def _megabytes(gibibytes: float) -> str:
    return f"{int(gibibytes * 1024)}M" if gibibytes else ""


def _raised(error: Exception) -> str:
    """Return the exception that ended a job, of a message that shows a traceback between rules."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    rules = [number for number, line in enumerate(lines) if set(line) == {"-"}]
    return lines[rules[-1] - 1] if len(rules) > 1 else reason_of(error)


def _last_words(attempt: Any) -> str:
    """Return the last line that a process left on standard error."""
    lines = (attempt.stderr() or "").strip().splitlines()
    return lines[-1].strip() if lines else ""


@contextmanager
def _errors_to(file: Path) -> Iterator[None]:
    """Let processes that are started within the block, but not this one, complain elsewhere.

    What watches over a job prints a traceback when an interrupt ends it.
    """
    kept = os.dup(2)
    opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(opened, 2)
    os.close(opened)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _search_path_of(requests: Sequence[Request]) -> Iterator[None]:
    """Let jobs, which inherit the environment, import modules from where this process does."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(requests[0].search)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
