"""Fill the disk under commands, make it read-only, limit their files; then let them go on.

``--out`` lies on a tmpfs of a few kilobytes, drawn below what the command writes; the call must
end in one sentence and code 2. Then the tmpfs grows, the same command runs again, and must end
with the bytes of an undisturbed run. Needs the right to mount (root).

    python benchmarks/reliability_disk.py --out runs/disk
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from miniatures import commands
from reliability_inputs import make_world
from trials import Row, call, differing, import_heavy, print_rows, refusal_fault, tree

NAMES = (
    "train",
    "data split",
    "data crops",
    "dejavu two-model",
    "membership attack",
    "membership cohort",
    "leave-one-out fit",
    "leave-one-out retrain",
    "coverage measure",
    "coverage importance",
)
LARGE = "1g"


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """Mount a tmpfs at ``folder`` with these options."""
    folder.mkdir(parents=True, exist_ok=True)
    _mount("-t", "tmpfs", "-o", options, "none", str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True)


def disk_trials(name: str, words: list[str], folder: Path, draw: random.Random) -> Iterator[Row]:
    """Yield a row for each way in which the disk refuses."""
    whole = folder / "whole"
    outcome = call([*words, "--out", str(whole)], timeout=120)
    if outcome.code != 0:
        yield Row("undisturbed", name, outcome.err[-300:])
        return
    undisturbed = tree(whole)
    written = sum(_on_disk(path) for path in whole.rglob("*"))
    disk = folder / "disk"
    for share in (0.05, 0.3, 0.6, draw.uniform(0.1, 0.9)):
        size = max(8, int(share * written / 1024) // 4 * 4)
        detail = f"{name}, {size} kB of {written // 1024}"
        with mounted(disk, f"size={size}k"):
            yield Row("full disk", detail, _refused_then_whole(words, disk, undisturbed, LARGE))
    for files in (3, 6):
        with mounted(disk, f"size={LARGE},nr_inodes={files}"):
            lost = _refused_then_whole(words, disk, undisturbed, f"{LARGE},nr_inodes=100000")
            yield Row("no more files", f"{name}, {files} inodes", lost)
    with mounted(disk, f"size={LARGE}"):
        _mount("-o", "remount,ro", str(disk))
        lost = refusal_fault(call([*words, "--out", str(disk / "out")], timeout=60), disk / "out")
        _mount("-o", "remount,rw", str(disk))
        yield Row("read-only disk", name, lost or _goes_on(words, disk, undisturbed))
    with mounted(disk, f"size={LARGE}"):
        largest = max(path.stat().st_size for path in whole.rglob("*") if path.is_file())
        lost = _refused_then_whole(
            words, disk, undisturbed, LARGE, before=lambda: _limit_files(largest * 3 // 4)
        )
        yield Row("largest file allowed", f"{name}, {largest * 3 // 4} bytes", lost)


def _on_disk(path: Path) -> int:
    return (path.stat().st_size + 4095) // 4096 * 4096 if path.is_file() else 0


def _limit_files(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _refused_then_whole(
    words: list[str],
    disk: Path,
    undisturbed: Mapping[str, str],
    options: str,
    before: Callable[[], None] = lambda: None,
) -> str:
    """Return what was lost: the sentence now, or the bytes once there is room."""
    outcome = call([*words, "--out", str(disk / "out")], timeout=60, before=before)
    fault = refusal_fault(outcome)
    if fault:
        return fault
    _mount("-o", f"remount,size={options}", str(disk))
    return _goes_on(words, disk, undisturbed)


def _goes_on(words: list[str], disk: Path, undisturbed: Mapping[str, str]) -> str:
    outcome = call([*words, "--out", str(disk / "out")], timeout=120)
    if outcome.code != 0:
        return f"does not go on: {outcome.sentence}"
    wrong = differing(undisturbed, tree(disk / "out"))
    return f"other bytes: {', '.join(wrong)}" if wrong else ""


def main() -> int:
    """Run all trials and print the table; return 1 if any was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=NAMES, help="names of commands")
    arguments = parser.parse_args()
    folder = arguments.out.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    world = make_world(folder)
    import_heavy()
    os.chdir(folder)
    rows: list[Row] = []
    for name in arguments.only:
        words = commands(world)[name]
        rows += disk_trials(name, words, folder / name.replace(" ", "_"), random.Random(name))
        print(f"{name}: {sum(bool(row.lost) for row in rows)} lost", file=sys.stderr, flush=True)
    return min(print_rows("disk", rows), 1)


if __name__ == "__main__":
    sys.exit(main())
