"""Launcher on Ray: a cluster of this machine, or one that runs.

imprint never phones home: Ray's usage statistics are switched off before it is imported. Ray opens
ports on every interface, so whoever connects must know a token: of a cluster started here it is
random and lives in this process and its children alone, of a running one the user gives it.
"""

from __future__ import annotations

import importlib
import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from imprint.core.device import usable_cores
from imprint.core.errors import ImprintError, reason_of
from imprint.core.progress import log
from imprint.launch.driving import POLL_SECONDS, Policy, WorkerDiedError, drive
from imprint.launch.interrupts import ignoring_interrupts
from imprint.launch.task import Buffer, Group, place_of
from imprint.launch.worker import Outcome, Request, perform

T = TypeVar("T")

WAITING_PER_SLOT = 4
LEAST_ROOM = 16
CONNECT_SECONDS = 10.0
NODE_SECONDS = 300.0
"""That a running cluster has to bring a machine on which a task fits."""
AUTO = "auto"
"""The cluster that this machine belongs to."""
GIBIBYTE = 1 << 30
MOST_LETTERS_OF_A_FOLDER = 30
"""The path of a socket has 107 at most, and Ray adds some 65."""
_TOKEN = secrets.token_hex(32)
"""Of the clusters that this process starts; Ray reads it once a process."""


@dataclass
class RayLauncher:
    """Tasks of Ray.

    Attributes:
        address: of a running cluster; empty: one is started on this machine and ended with it.
        cpus: cores of a task; 0: the tasks share those of this machine evenly.
        gpus: of a task.
        memory: GiB of a task; 0: not counted.
        policy: about failures.
    """

    address: str = ""
    cpus: int = 0
    gpus: float = 0.0
    memory: float = 0.0
    policy: Policy = field(default_factory=Policy)
    is_remote: bool = True
    _folder: str = ""
    _ray: Any = None

    def run(self, group: Group[T]) -> list[T]:
        """Return what every task returned, in order.

        Raises:
            ImprintError: Ray cannot be had or reached, no machine is large enough, tasks failed, or
                their workers died too often.
        """
        ray = self._start()
        resources: dict[str, Any] = {"num_cpus": group.threads, "num_gpus": self.gpus}
        if self.memory:
            resources["memory"] = int(self.memory * GIBIBYTE)
        _check_room(ray, resources, NODE_SECONDS if self.address else 0)
        return drive(group, RayCluster(ray, resources), self.policy)

    def close(self) -> None:
        """Leave the cluster; end it where it was started here."""
        if self._ray is not None:
            # Else a second interrupt would leave processes of the cluster behind.
            with ignoring_interrupts():
                self._ray.shutdown()
            self._ray = None
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = ""

    def _start(self) -> Any:
        if self._ray is None:
            os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
            _authenticate(self.address)
            if self.address:
                _check_reachable(self.address)
                # Else each failed attempt to connect prints a line of its own.
                os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
            ray = _import_ray()
            # Else Ray prints what happens to workers on standard output, between the findings.
            setattr(importlib.import_module("ray._private.worker"), _SHOWS_LOGS, False)
            self._ray = ray
            try:
                with _signals_as_they_are():
                    self._initialise(ray)
            except Exception as error:
                self.close()
                where = self.address or "this machine"
                raise ImprintError(
                    f"cannot start or join a Ray cluster on {where} ({reason_of(error)}): check "
                    "--ray-address, RAY_AUTH_TOKEN and that it runs the same version of Ray"
                ) from error
        return self._ray

    def _initialise(self, ray: Any) -> None:
        if self.address:
            ray.init(address=self.address, **_QUIET)
            return
        log("launcher: start a Ray cluster on this machine")
        self._folder = _short_folder()
        # Ray would run tasks at niceness 15, behind all else that a shared machine does.
        os.environ.setdefault("RAY_worker_niceness", "0")
        ray.init(
            "local",
            num_cpus=usable_cores(),
            _temp_dir=self._folder,
            include_dashboard=False,
            **_QUIET,
        )


_SHOWS_LOGS = "_worker_logs_enabled"
_QUIET = {"log_to_driver": False, "logging_level": "ERROR"}


@dataclass(frozen=True)
class RayCluster:
    """Attempts are object references; the object store holds large arrays once."""

    ray: Any
    resources: dict[str, Any]
    takes_arrays: bool = True
    _stored: dict[tuple[int, int], Any] = field(default_factory=dict)

    @property
    def room(self) -> int:
        """Return some times as many as run at once: pending tasks let a cluster grow."""
        cores = self.ray.cluster_resources().get("CPU", 1)
        return max(LEAST_ROOM, WAITING_PER_SLOT * int(cores // self.resources["num_cpus"]))

    def submit(self, requests: Sequence[Request]) -> list[Any]:
        """Start an attempt at each of some tasks."""
        remote = self.ray.remote(_perform).options(max_retries=0, **self.resources)
        return [
            remote.remote(replace(request, arrays=()), *map(self._store, request.arrays))
            for request in requests
        ]

    def _store(self, array: Buffer) -> Any:
        """Return a reference to an array, which workers map read-only."""
        place = place_of(array)
        if place not in self._stored:
            self._stored[place] = self.ray.put(array)
        return self._stored[place]

    def ended(self, attempts: Sequence[Any]) -> list[Any]:
        """Return the attempts that are over, waiting a moment for one."""
        attempts = list(attempts)
        self.ray.wait(attempts, num_returns=1, timeout=POLL_SECONDS)
        ready, _ = self.ray.wait(attempts, num_returns=len(attempts), timeout=0)
        return list(ready)

    def outcome(self, attempt: Any) -> Outcome:
        """Return how an attempt ended."""
        errors = self.ray.exceptions
        try:
            outcome: Outcome = self.ray.get(attempt)
        except errors.RayTaskError as error:
            return Outcome(failure=f"the worker could not do it: {reason_of(error.cause)}")
        except errors.RayError as error:
            raise WorkerDiedError(reason_of(error)) from error
        return outcome

    def cancel(self, attempts: Sequence[Any]) -> None:
        """End attempts that are not over."""
        for attempt in attempts:
            with suppress(Exception):
                self.ray.cancel(attempt, force=True)


def _perform(request: Request, *arrays: Buffer) -> Outcome:
    return perform(request, arrays)


def _authenticate(address: str) -> None:
    """Say which token Ray takes; it writes none into the home folder where one is stated.

    Raises:
        ImprintError: a cluster that runs, and no token for it.
    """
    if not address:
        os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=_TOKEN)
        return
    if os.environ.setdefault("RAY_AUTH_MODE", "token") != "token":
        return
    if not (os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")):
        raise ImprintError(
            f"the Ray cluster at {address} needs its token: set RAY_AUTH_TOKEN to the one it was "
            "started with, or RAY_AUTH_MODE=disabled where it has none"
        )


def _check_reachable(address: str) -> None:
    """Refuse an address where nothing listens: Ray would try for minutes.

    Raises:
        ImprintError: so it is.
    """
    if address == AUTO:
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()):
        raise ImprintError(
            f"--ray-address must be HOST:PORT or auto, got {address!r}: the port of ray start "
            "--head is 6379 unless it was given another"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise ImprintError(
            f"no Ray cluster answers at {address} ({reason_of(error)}): check --ray-address and "
            "that its head runs"
        ) from error


def _import_ray() -> Any:
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise ImprintError(
            f"Ray cannot be imported ({error}): pip install 'imprint[ray]'"
        ) from error


def _check_room(ray: Any, resources: dict[str, Any], seconds: float) -> None:
    """Refuse tasks that no machine of the cluster holds, even after a while: they would not end.

    Raises:
        ImprintError: so it is.
    """
    names = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
    wanted = {names[key]: value for key, value in resources.items() if value}
    latest = time.monotonic() + seconds
    while True:
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if any(all(node.get(k, 0) >= v for k, v in wanted.items()) for node in nodes):
            return
        if time.monotonic() < latest:
            time.sleep(1)
            continue
        largest = {name: max((n.get(name, 0) for n in nodes), default=0) for name in names.values()}
        raise ImprintError(
            f"no machine of the Ray cluster holds a task of {resources['num_cpus']} CPUs, "
            f"{resources['num_gpus']:g} GPUs and {resources.get('memory', 0) / GIBIBYTE:g} GiB "
            f"(no machine has more than {largest['CPU']:g} CPUs, {largest['GPU']:g} GPUs and "
            f"{largest['memory'] / GIBIBYTE:.1f} GiB for tasks): set --task-cpus, "
            "--task-gpus and --task-memory"
        )


def _short_folder() -> str:
    parent = tempfile.gettempdir()
    place = parent if len(parent) <= MOST_LETTERS_OF_A_FOLDER else "/tmp"
    return tempfile.mkdtemp(prefix="imprint-ray-", dir=place)


@contextmanager
def _signals_as_they_are() -> Iterator[None]:
    """Take back the handler that Ray sets: it prints the stack of a process that is to end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
