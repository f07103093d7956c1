"""Peak memory and seconds of membership statistics at 10⁶ records, of arrays that stay on disk.

    OMP_NUM_THREADS=1 python benchmarks/membership_memory.py --models 64

Signals of K reference models (float32 ``[K, 1, N]``), memberships, correctness and a population of
5,000 are written model by model into a folder of ``.npy`` files; each attack then runs in a process
of its own, from reading the folder to its scores, as ``imprint membership attack --arrays FOLDER``
does. ``peak MB`` is the greatest resident memory beyond that after the imports. It is compared with
the matrix ``[records × models]`` as float64, which no process holds, and with the bound

    bytes = 2·K·N (memberships, as they are read and checked) + VECTORS · 8·N + 64 MiB.

Exit code 1 when a peak is above the bound.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

POPULATION = 5_000
VECTORS = 60
"""Vectors over records that an attack may hold: moments of both sides, features, temporaries."""
ATTACKS = (
    "lira", "lira_fixed", "lira_offline", "lira_shrunk", "lira_moderated", "rmia", "base", "base2",
    "base3", "attack_r", "attack_p", "watson", "mast", "bavaria_n", "bavaria_t", "multi", "loss",
    "quantile", "stacked", "rmia_tuned",
)  # fmt: skip


def main() -> None:
    """Write, then measure every attack and the memorization scores."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--models", type=int, default=64)
    parser.add_argument("--attacks", nargs="+", default=[*ATTACKS, "memorization"])
    parser.add_argument("--folder", type=Path, help="of a child process")
    options = parser.parse_args()
    if options.folder is not None:
        print(json.dumps(measure(options.folder, options.attacks[0])))
        return
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(int(measure_all(Path(folder), options)))


def measure_all(folder: Path, options: argparse.Namespace) -> bool:
    """Print one line an attack; return whether a peak is above the bound."""
    start = time.perf_counter()
    write(folder, options.models, options.records)
    values = options.records * options.models
    bound = (2 * values + VECTORS * 8 * options.records + (64 << 20)) / 1e6
    print(
        f"{options.records:,} records, {options.models} models: {4 * values / 1e6:,.0f} MB of "
        f"signals written in {time.perf_counter() - start:.0f} s; as one float64 matrix "
        f"{8 * values / 1e6:,.0f} MB; bound {bound:,.0f} MB"
    )
    print(f"{'attack':<16}{'peak MB':>9}{'reading, s':>12}{'scoring, s':>12}", flush=True)
    is_above = False
    for name in options.attacks:
        words = [sys.executable, __file__, "--folder", str(folder), "--attacks", name]
        line = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        figures = json.loads(line)
        is_above |= figures["peak"] > bound
        print(
            f"{name:<16}{figures['peak']:>9,.0f}{figures['reading']:>12.1f}"
            f"{figures['scoring']:>12.1f}",
            flush=True,
        )
    return is_above


def write(folder: Path, models: int, records: int) -> None:
    """Write generated arrays, one model at a time: φ is a place of the record, higher where in."""
    random = np.random.default_rng(0)
    place, where = random.normal(2, 3, records), random.normal(2, 3, POPULATION)
    own = random.random(records) < 0.5
    np.save(folder / "target_members.npy", own)
    np.save(folder / "target.npy", (random.normal(size=records) + place + own)[None])
    np.save(folder / "population.npy", (random.normal(size=POPULATION) + where)[None])
    others = random.normal(size=(models, 1, POPULATION)) + where
    np.save(folder / "population_signals.npy", others)

    def rows(name: str, dtype: type, *shape: int) -> np.ndarray:
        return np.lib.format.open_memmap(folder / name, "w+", dtype, (models, *shape))

    signals, members = (
        rows("signals.npy", np.float32, 1, records),
        rows("members.npy", bool, records),
    )
    (folder / "correct").mkdir()
    correct = rows("correct/correct.npy", bool, records)
    for model in range(models):
        inside = random.random(records) < 0.5
        values = random.normal(size=records) + place + inside
        signals[model, 0], members[model], correct[model] = values, inside, values > 0
    for each in (signals, members, correct):
        each.flush()


def measure(folder: Path, name: str) -> dict[str, float]:
    """Return peak in MB beyond that after the imports, and seconds."""
    from imprint.lenses.membership.attack_kit.attack import ATTACKS as REGISTERED
    from imprint.lenses.membership.memorization.estimators import estimate_in_blocks
    from imprint.lenses.membership.study.case import read_case
    from imprint.study.peak_memory import measured
    from imprint.study.stored_array import open_stored

    REGISTERED.names()
    with measured() as cost:
        start = time.perf_counter()
        if name == "memorization":
            members = open_stored(folder / "members.npy")
            correct = open_stored(folder / "correct/correct.npy")
            read = time.perf_counter()
            estimate_in_blocks(
                [
                    np.stack([each.row_part(row, part) for row in range(len(each))])
                    for each in (members, correct)
                ]
                for part in blocks(members.shape[1], 1 << 16)
            )
        else:
            case = read_case(folder)
            read = time.perf_counter()
            REGISTERED.get(name).score(case.evidence)
        end = time.perf_counter()
    assert cost.peak_bytes is not None
    return {"peak": cost.peak_bytes / 1e6, "reading": read - start, "scoring": end - read}


def blocks(count: int, size: int) -> list[slice]:
    """Return blocks of records."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


if __name__ == "__main__":
    main()
