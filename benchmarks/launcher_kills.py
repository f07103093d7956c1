"""Kill workers of Ray and jobs of submitit with SIGKILL at random moments; compare every byte.

Two encoders of a two-model test, which keep the state of their training, are trained undisturbed
once. In each trial the same command trains them by the launcher, while a thread draws a moment
within the undisturbed time and then kills the process that the ledger names as running a task. A
trial is lost if the command fails, if nothing was killed, or if a file differs from the undisturbed
one. Ray's cluster stays from trial to trial, as it does from group to group of a command.

    python benchmarks/launcher_kills.py --out runs/kills --launcher ray --trials 20
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from imprint.data.sources.composite import composite
from imprint.launch.launcher import Launcher, using
from imprint.launch.ledger import FOLDER, Ledger, ledgers_in
from imprint.launch.local import LocalLauncher
from imprint.launch.ray_cluster import RayLauncher
from imprint.launch.slurm import SubmititLauncher
from imprint.lenses.dejavu.study.encoders import SplitImages, TrainEncoder, train_encoders
from imprint.study.options import DataChoice
from imprint.study.store import Study
from imprint.train.options import TrainOptions

LAUNCHERS = {"ray": RayLauncher, "submitit": SubmititLauncher}
KEYS = ("models/A", "models/B")
IMAGES, EPOCHS = 200, 12
TRAIN = TrainOptions(
    architecture="mlp",
    architecture_options=(("widths", "64"),),
    projector="16-16",
    input_size=16,
    epochs=EPOCHS,
    batch_size=16,
    warmup_epochs=1,
    resume_every=1,
)


class StaysOpen:
    """A launcher that is closed by :func:`main` alone."""

    is_remote = True
    cpus = 1
    gpus = 0.0

    def __init__(self, launcher: Launcher) -> None:
        self.run = launcher.run

    def close(self) -> None:
        """Leave it open."""


def train(root: Path) -> None:
    """Train both encoders into a study, by the launcher in use."""
    images = composite(IMAGES)
    study = Study(root)
    study.run(SplitImages(images, (4,), by_boxes=True))
    rows = np.arange(IMAGES)
    steps = [
        TrainEncoder(
            name=name, train=TRAIN, seed=seed, indices=rows[seed::2], held_out=rows[1 - seed :: 2]
        )
        for seed, name in enumerate("AB")
    ]
    train_encoders(study, steps, images, DataChoice(composite_count=IMAGES), 0)


def files_of(root: Path) -> dict[str, bytes]:
    """Return the bytes of all artefacts, by path."""
    paths = (path for path in root.rglob("*") if path.is_file() and FOLDER not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


class Killer(threading.Thread):
    """Kills, some seconds after the first task has begun, a process that runs one.

    Attributes:
        killed: the seconds after which it did; None where no task was running any more.
        begun: when the first task began.
    """

    def __init__(self, root: Path, seconds: float) -> None:
        super().__init__(daemon=True)
        self.root, self.seconds = root, seconds
        self.killed: float | None = None
        self.begun: float | None = None
        self.over = threading.Event()

    def run(self) -> None:
        """Watch the ledger, and kill."""
        while not self.over.wait(0.02):
            processes = running(self.root)
            if not processes:
                continue
            now = time.monotonic()
            self.begun = self.begun or now
            if now - self.begun >= self.seconds:
                with suppress(ProcessLookupError):
                    os.kill(random.choice(processes), signal.SIGKILL)
                    self.killed = now - self.begun
                    return


def trained_under(killer: Killer, launcher: Launcher) -> float:
    """Train while tasks may be killed; return the seconds from the first task to the end."""
    killer.start()
    with using(StaysOpen(launcher)):
        train(killer.root)
    end = time.monotonic()
    killer.over.set()
    killer.join()
    return end - (killer.begun or end)


def running(root: Path) -> list[int]:
    """Return the processes that run a task, by the ledger."""
    entries = [ledger.entry(key) for ledger in ledgers_in(root) for key in ledger.planned()]
    states = [(entry, entry.read_or_none()) for entry in entries]
    return [
        state.process
        for entry, state in states
        if state is not None and state.status == "running" and entry.is_held()
    ]


def main() -> None:
    """Run the trials of one launcher, and print a row each as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--launcher", choices=sorted(LAUNCHERS), required=True)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    random.seed(options.seed)
    with using(LocalLauncher(1)):
        train(options.out / "whole")
    undisturbed = files_of(options.out / "whole")
    launcher = LAUNCHERS[options.launcher](cpus=1)
    lost = trials = again = 0
    with using(launcher):
        for name in ("first", "unkilled"):  # the first one waits for imports as well
            whole = trained_under(Killer(options.out / name, float("inf")), launcher)
            lost += files_of(options.out / name) != undisturbed
        print(json.dumps({"seconds": round(whole, 1), "files": len(undisturbed)}), flush=True)
        while trials < options.trials:
            root = options.out / "trial"
            shutil.rmtree(root, ignore_errors=True)
            killer = Killer(root, random.uniform(0, whole))
            seconds = trained_under(killer, launcher)
            if killer.killed is None:
                again += 1
                continue
            trials += 1
            ledger = Ledger(root, "train-encoders")
            attempts = [state.attempt for key in KEYS if (state := ledger.entry(key).read())]
            is_same = files_of(root) == undisturbed
            lost += not is_same
            row = {"trial": trials, "killed after s": round(killer.killed, 2)}
            row |= {"seconds": round(seconds, 1), "attempts": attempts, "same": is_same}
            print(json.dumps(row), flush=True)
    print(
        json.dumps(
            {"launcher": options.launcher, "trials": trials, "too late": again, "lost": lost}
        )
    )
    raise SystemExit(1 if lost else 0)


if __name__ == "__main__":
    main()
