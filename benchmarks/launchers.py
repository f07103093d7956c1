"""Launchers compared: the same bytes, seconds to start, overhead a task, tasks whose worker dies.

One study, a cohort of sixteen classifiers and a sweep of six points, is run by ``local``, ``ray``
and ``submitit`` (whose local executor stands for SLURM), and every file of the three is compared,
but for the ledgers and locks. Then each runs empty tasks: the first one tells what starting costs,
the rest the overhead of one. At last Ray and submitit run 200 small tasks, each of which writes one
row, while five of them kill their worker; the rows are merged into a table, in which each must
stand once.

    python benchmarks/launchers.py --out runs/launchers
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from imprint.launch.launcher import Launcher, run_tasks, using
from imprint.launch.ledger import FOLDER, Ledger
from imprint.launch.local import LocalLauncher
from imprint.launch.ray_cluster import RayLauncher
from imprint.launch.slurm import SubmititLauncher
from launcher_tasks import CRASHES, TASKS, nothing, write_row

LAUNCHERS = {"local": LocalLauncher, "ray": RayLauncher, "submitit": SubmititLauncher}
CLUSTERS = ("ray", "submitit")
COHORT = (
    "membership cohort --models 16 --composite-count 400 --curvature-probes 1 --attacks loss,lira "
    "--train.engine processes --train.epochs 10 --train.batch-size 32"
)
SWEEP = (
    "dejavu sweep --composite-count 400 --per-class 8 --k 5 --no-linear-probe "
    "--vary train.learning_rate=0.01:0.02:0.03,train.weight_decay=0:0.0001:0.001 "
    "--train.architecture mlp --train.architecture-options widths=64 --train.projector 16-16 "
    "--train.input-size 16 --train.epochs 10 --train.batch-size 32 --train.warmup-epochs 1"
)
EMPTY = 20


def run_study(folder: Path, launcher: str) -> float:
    """Run both commands of the study; return their seconds."""
    start = time.perf_counter()
    for name, words in (("cohort", COHORT), ("sweep", SWEEP)):
        command = [sys.executable, "-m", "imprint", *words.split(), "--seed", "1"]
        command += ["--device", "cpu", "--launcher", launcher, "--out", str(folder / name)]
        done = subprocess.run([*command, "--quiet"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{launcher}, {name}: {done.stderr[-2000:]}")
    return time.perf_counter() - start


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the bytes of the artefacts of a study, by path."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    kept = (path for path in paths if FOLDER not in path.parts and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in kept}


def compare(out: Path) -> list[dict[str, object]]:
    """Return a row a launcher: seconds, files, and how many differ from those of local."""
    rows: list[dict[str, object]] = []
    reference: dict[str, bytes] = {}
    for name in LAUNCHERS:
        seconds = run_study(out / name, name)
        files = files_of(out / name)
        reference = reference or files
        names = files.keys() | reference.keys()
        different = sorted(each for each in names if files.get(each) != reference.get(each))
        tasks = sum(
            len(Ledger(path.parent.parent, path.name).planned())
            for path in (out / name).glob(f"*/{FOLDER}/*")
        )
        row = {"launcher": name, "seconds": round(seconds, 1), "files": len(files)}
        rows.append({**row, "tasks": tasks, "different": len(different), "named": different[:5]})
        print(json.dumps(rows[-1]), flush=True)
    return rows


def time_overhead(out: Path, name: str) -> dict[str, object]:
    """Return the seconds to the end of a first empty task, and those of each further one."""
    launcher: Launcher = LAUNCHERS[name]()
    study = out / f"empty-{name}"
    with using(launcher):
        start = time.perf_counter()
        run_tasks(nothing, [()], "first", 0, study=study, keys=["0"])
        first = time.perf_counter() - start
        start = time.perf_counter()
        keys = [str(number) for number in range(EMPTY)]
        run_tasks(nothing, [()] * EMPTY, "empty", 0, study=study, keys=keys)
        rest = time.perf_counter() - start
        start = time.perf_counter()
    return {
        "launcher": name,
        "first task after s": round(first, 2),
        "seconds a task": round(rest / EMPTY, 3),
        "end s": round(time.perf_counter() - start, 2),
    }


def crash(out: Path, name: str) -> dict[str, object]:
    """Run the small tasks while five workers are killed; return what the merged table holds."""
    root = out / f"rows-{name}"
    root.mkdir(parents=True)
    launcher: Launcher = LAUNCHERS[name]()
    start = time.perf_counter()
    with using(launcher):
        keys = [f"rows/{number:04d}" for number in range(TASKS)]
        tasks = [(root, number) for number in range(TASKS)]
        values = run_tasks(write_row, tasks, "rows", 0, study=root, keys=keys)
    seconds = time.perf_counter() - start
    lines = [path.read_text() for path in sorted((root / "rows").glob("*.csv"))]
    numbers = Counter(int(line.split(",")[0]) for line in "".join(lines).splitlines())
    ledger = Ledger(root, "rows")
    states = [ledger.entry(key).read() for key in keys]
    return {
        "launcher": name,
        "seconds": round(seconds, 1),
        "killed": len(list(root.glob("killed.*"))),
        "second attempts": sum(state is not None and state.attempt > 1 for state in states),
        "done": sum(state is not None and state.status == "done" for state in states),
        "rows": sum(numbers.values()),
        "twice": sum(count > 1 for count in numbers.values()),
        "missing": TASKS - len(numbers),
        "in order": values == list(range(TASKS)),
    }


def main() -> None:
    """Run all three parts, or those that are named, and print their rows as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts", default="bytes,overhead,crashes")
    options = parser.parse_args()
    parts = options.parts.split(",")
    shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True)
    wrong = 0
    if "bytes" in parts:
        wrong += sum(bool(row["different"]) for row in compare(options.out))
    if "overhead" in parts:
        for name in LAUNCHERS:
            print(json.dumps(time_overhead(options.out, name)), flush=True)
    if "crashes" in parts:
        for name in CLUSTERS:
            row = crash(options.out, name)
            print(json.dumps(row), flush=True)
            wrong += row["rows"] != TASKS or bool(row["twice"]) or row["killed"] != CRASHES
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
