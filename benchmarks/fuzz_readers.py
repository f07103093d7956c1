"""Fuzz every reader of files: 100,000 mutants each, with the tracebacks, hangs and memory.

    python benchmarks/fuzz_readers.py --mutants 100000 --seed 2

Each reader of ``tests/fuzz/fuzzed_readers.py`` runs in a process of its own, with a limit of 1 GB
beyond what the process takes to start, so that a crash or a reader that fills the memory counts
against that reader alone. Prints one row a reader, and exits with 1 if any mutant was neither read
nor refused in one sentence.
"""

from __future__ import annotations

import argparse
import collections
import multiprocessing
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.fuzz.fuzzed_readers import READERS, REFUSED, mutants, survives

GIGABYTE = 1 << 30


def run(number: int, count: int, seed: int) -> tuple[collections.Counter[str], list[str], int]:
    """Return how mutants of one reader ended, the first of those that failed, and the memory."""
    reader = READERS[number]
    with tempfile.TemporaryDirectory() as folder:
        endings: collections.Counter[str] = collections.Counter()
        failed: list[str] = []
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + 2 * GIGABYTE
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        for row, path in mutants(reader, Path(folder), count, seed):
            told = survives(reader, path)
            if not told or told.startswith(REFUSED):
                endings["refused" if told else "read"] += 1
            else:
                endings["failed"] += 1
                failed.append(f"mutant {row}: {told}")
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return endings, failed[:5], grown


def main() -> None:
    """Fuzz and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutants", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--reader", default="", help="only readers with this in their name")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    total: collections.Counter[str] = collections.Counter()
    print(f"{'reader':32} {'read':>8} {'refused':>8} {'failed':>7} {'MB':>6} {'s':>6}")
    for number, reader in enumerate(READERS):
        if options.reader not in reader.name:
            continue
        start = time.monotonic()
        try:
            with ProcessPoolExecutor(1, context) as pool:
                done = pool.submit(run, number, options.mutants, options.seed).result()
        except Exception as error:
            done = collections.Counter(failed=1), [f"the process died: {error!r}"], 0
        endings, failed, grown = done
        total += endings
        seconds = time.monotonic() - start
        print(
            f"{reader.name:32} {endings['read']:8} {endings['refused']:8} {endings['failed']:7} "
            f"{grown / 1024:6.0f} {seconds:6.0f}",
            flush=True,
        )
        for line in failed:
            print("   ", line)
    print(f"{'all':32} {total['read']:8} {total['refused']:8} {total['failed']:7}")
    raise SystemExit(1 if total["failed"] else 0)


if __name__ == "__main__":
    main()
