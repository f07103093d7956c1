"""Run every command under other threads, hash seeds, locales, time zones and folders.

Each command runs once as a base, then once in each surrounding, in a process of its own; all files
it writes must have the same bytes. Where sums are taken by another number of threads, float sums
may round differently: the files that differ are listed with the largest relative difference.

    python benchmarks/reliability_determinism.py --out runs/determinism
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from miniatures import commands
from reliability_inputs import make_world
from trials import Row, differing, print_rows, tree

BASE = {
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "COLUMNS": "100",
}
SURROUNDINGS: dict[str, dict[str, str]] = {
    "OMP_NUM_THREADS=2": {"OMP_NUM_THREADS": "2"},
    "PYTHONHASHSEED=1": {"PYTHONHASHSEED": "1"},
    "PYTHONHASHSEED=random, LC_ALL=C": {"PYTHONHASHSEED": "random", "LC_ALL": "C"},
    "LC_ALL=de_DE.UTF-8 (decimal comma), TZ=Asia/Kathmandu": {
        "LC_ALL": "de_DE.UTF-8",
        "TZ": "Asia/Kathmandu",
        "COLUMNS": "40",
    },
    "another folder to work in, a relative and longer --out": {},
}
ELSEWHERE = "another folder to work in, a relative and longer --out"
NOT_TRIED = ("data unpack", "data tag", "data boxes", "report", "status")
"""Commands whose inputs the miniatures lack, report, which every study runs, and status."""
TRAINS = ("train", "audit", "dejavu sweep")
"""Commands that train encoders: sums of a step are taken in another order by other threads."""
TIMED = {"leave-one-out compare": ("comparison", "summary.json", "report.html")}
"""What holds seconds and memory by intention: the table that compares costs."""


def run(words: list[str], out: Path, cwd: Path, environment: Mapping[str, str]) -> str:
    """Run ``imprint WORDS --out OUT``; return nothing, or the end of what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "imprint", *words, "--out", os.path.relpath(out, cwd)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
    )
    return "" if done.returncode == 0 else done.stderr.decode(errors="replace")[-400:]


def determinism_trials(
    name: str, words: list[str], folder: Path, locales: Mapping[str, str]
) -> list[Row]:
    """Return a row for each surrounding of one command."""
    folder.mkdir(parents=True)
    base = folder / "base"
    failure = run(words, base, folder, {**BASE, **locales})
    if failure:
        return [Row("base", name, failure)]
    rows = []
    for surrounding, changes in SURROUNDINGS.items():
        cwd, out = folder, folder / "other"
        if surrounding == ELSEWHERE:
            cwd = folder / "elsewhere"
            out = folder / "a longer name with spaces" / "and ü" / "other"
            cwd.mkdir()
        failure = run(words, out, cwd, {**BASE, **locales, **changes})
        timed = TIMED.get(name, ())
        wrong = [] if failure else [
            file for file in differing(tree(base), tree(out))
            if not any(part in Path(file).parts for part in timed)
        ]  # fmt: skip
        if "OMP_NUM_THREADS" in changes and name in TRAINS and wrong:
            print(f"{name}, other last digits by threads: {', '.join(wrong)}", file=sys.stderr)
            wrong = []
        rows.append(Row(surrounding, name, failure or ", ".join(wrong)))
        shutil.rmtree(out, ignore_errors=True)
    return rows


def make_locale(folder: Path) -> dict[str, str]:
    """Return the variables under which de_DE.UTF-8, which writes 1,5, exists; may be none."""
    if "de_DE.utf8" in subprocess.run(["locale", "-a"], capture_output=True, text=True).stdout:
        return {}
    made = subprocess.run(
        ["localedef", "-i", "de_DE", "-f", "UTF-8", str(folder / "de_DE.UTF-8")],
        capture_output=True,
        check=False,
    )
    if not (folder / "de_DE.UTF-8").exists():
        raise SystemExit(f"no locale de_DE.UTF-8 here: {made.stderr.decode()}")
    return {"LOCPATH": str(folder)}


def main() -> int:
    """Run all trials and print the table; return 1 if any was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", help="names of commands")
    arguments = parser.parse_args()
    root = arguments.out.resolve()
    shutil.rmtree(root, ignore_errors=True)
    world = make_world(root)
    locales = make_locale(root)
    rows: list[Row] = []
    for name, words in commands(world).items():
        if name in NOT_TRIED or (arguments.only and name not in arguments.only):
            continue
        rows += determinism_trials(name, words, root / name.replace(" ", "_"), locales)
        for row in rows:
            if row.detail == name:
                print(f"{name}, {row.what}: {row.lost or 'same'}", file=sys.stderr, flush=True)
    return min(print_rows("surrounding", rows), 1)


if __name__ == "__main__":
    sys.exit(main())
