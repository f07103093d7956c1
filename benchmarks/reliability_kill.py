"""Kill long commands with SIGKILL at random moments, run them again, compare every byte.

Each command is run undisturbed once. In each trial a fresh copy is killed one to three times, at
moments drawn over the undisturbed time, and run again at once each time; the last run is left
alone. A trial is lost if the last run fails, if any file differs from the undisturbed one, if
after a kill a file under its final name is not the whole file, or if a process is left behind.

    python benchmarks/reliability_kill.py --out runs/kill --trials 20
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from miniatures import ENCODER, commands
from reliability_inputs import make_world
from trials import Row, call, differing, import_heavy, print_rows, tree

IN_PROGRESS = ("summary.json", "report.html", "options.yaml")
"""Files that a command writes anew, whole, as it goes on: they are compared at the end alone."""

ORPHANS_END_WITHIN_S = 10.0


def long_commands(folder: Path) -> dict[str, list[str]]:
    """Return calls that take seconds, by name; ``folder`` holds the miniatures."""
    _write_records(folder / "many.npz", 1500)
    short = commands(folder)
    epochs = "--train.epochs=15"
    return {
        "train": [*short["train"], "--train.epochs=60", "--train.snapshot-every=20"],
        "audit": [
            "audit", *ENCODER, "--composite-count=200", "--per-class=4", "--k=10",
            "--train.epochs=12", "--no-linear-probe", "--membership.models=6",
            "--membership.curvature-probes=1", "--membership.train.epochs=2",
            "--coverage.criteria=nc,kmnc,idc",
        ],
        "dejavu sweep": [*short["dejavu sweep"], epochs],
        "membership cohort": [*short["membership cohort"], epochs, "--models=12"],
        "membership audit, shadows": [*short["membership audit"], epochs, "--shadows=8"],
        "membership privacy": [*short["membership privacy"], "--train.epochs=6"],
        "leave-one-out fit, out of core": [
            "leave-one-out", "fit", "--arrays", str(folder / "many.npz"),
            "--method=out_of_core", "--memory=0.03",
        ],
        "leave-one-out retrain": [
            *short["leave-one-out retrain"], "--removed=6", "--pairs=20", "--train.epochs=10",
        ],
        "coverage measure": [*short["coverage measure"], "--criteria=all"],
        "data crops": [*short["data crops"], "--size=600"],
        "data pack": ["data", "pack", "--composite-count=6000"],
        "dejavu two-model": short["dejavu two-model"],
        "coverage fuzz": short["coverage fuzz"],
        "reconstruct train": [*short["reconstruct train"], "--train.steps=60"],
    }  # fmt: skip


def _write_records(file: Path, count: int) -> None:
    draw = np.random.default_rng(3)
    np.savez(file, x=draw.normal(size=(count, 12)), y=np.arange(count) % 3)


def kill_trials(name: str, words: list[str], out: Path, trials: int, seed: int) -> list[Row]:
    """Kill one command ``trials`` times over; return a row a trial."""
    whole = out / "whole"
    start = time.monotonic()
    outcome = call([*words, "--out", str(whole)], timeout=300)
    seconds = time.monotonic() - start
    if outcome.code != 0:
        return [Row(name, "undisturbed run", outcome.err[-500:])]
    undisturbed = tree(whole)
    draw = random.Random(f"{seed} {name}")
    rows = []
    for trial in range(trials):
        moments = [draw.uniform(0, seconds) for _ in range(1 + trial % 3)]
        root = out / f"trial{trial}"
        lost = killed_run(words, root, moments, undisturbed)
        when = ", ".join(f"{moment:.2f}" for moment in moments)
        rows.append(Row(name, f"trial {trial}, killed after {when} of {seconds:.2f} s", lost))
        shutil.rmtree(root, ignore_errors=True)
    return rows


def killed_run(
    words: list[str], root: Path, moments: list[float], undisturbed: Mapping[str, str]
) -> str:
    """Run, kill at each moment and run again; return what was lost, or nothing."""
    left = []
    for moment in moments:
        child = _start([*words, "--out", str(root)])
        time.sleep(moment)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        left.append(child)
        broken = _half_written(root, undisturbed)
        if broken:
            return f"half-written after the kill: {', '.join(broken)}"
    outcome = call([*words, "--out", str(root)], timeout=300)
    if outcome.code != 0:
        return f"run again: exit code {outcome.code}: {outcome.err[-500:]}"
    wrong = differing(undisturbed, tree(root))
    if wrong:
        return f"other bytes than undisturbed: {', '.join(wrong)}"
    orphans = _left_behind(left)
    return f"processes left behind: {orphans}" if orphans else ""


def _left_behind(sessions: list[int]) -> list[int]:
    """Return the sessions that still have a process after a while: starting workers end late."""
    latest = time.monotonic() + ORPHANS_END_WITHIN_S
    while orphans := [session for session in sessions if _session_lives(session)]:
        if time.monotonic() > latest:
            return orphans
        time.sleep(0.1)
    return []


def _start(words: list[str]) -> int:
    """Fork ``imprint WORDS`` into a session of its own; return its process id."""
    child = os.fork()
    if child == 0:
        os.setsid()
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        try:
            from imprint.cli import main

            main(words)
        except BaseException:
            os._exit(1)
        os._exit(0)
    return child


def _half_written(root: Path, undisturbed: Mapping[str, str]) -> list[str]:
    """Return the files under their final names that are not those of the undisturbed run."""
    if not root.exists():
        return []
    final = {
        name: digest
        for name, digest in tree(root).items()
        if not any(part.startswith(".") for part in Path(name).parts)
        and Path(name).name not in IN_PROGRESS
        and digest != "folder"
    }
    return [name for name, digest in final.items() if undisturbed.get(name) != digest]


def _session_lives(session: int) -> bool:
    sessions = subprocess.run(["ps", "-eo", "sid="], capture_output=True, text=True, check=True)
    return str(session) in sessions.stdout.split()


def main() -> int:
    """Run all trials and print the table; return how many were lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--trials", type=int, default=10, help="of each command")
    parser.add_argument("--only", nargs="*", help="names of commands")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.out.resolve(), ignore_errors=True)
    folder = arguments.out.resolve()
    world = make_world(folder)
    import_heavy()
    os.chdir(folder)
    rows: list[Row] = []
    for name, words in long_commands(world).items():
        if arguments.only and name not in arguments.only:
            continue
        rows += kill_trials(
            name, words, folder / name.replace(" ", "_"), arguments.trials, arguments.seed
        )
        print(f"{name}: {rows[-1].detail}", file=sys.stderr, flush=True)
    return print_rows("command, killed with SIGKILL", rows)


if __name__ == "__main__":
    sys.exit(min(main(), 1))
