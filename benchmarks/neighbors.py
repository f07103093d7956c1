"""Queries per second of exact neighbour search: imprint, faiss and scikit-learn on equal data.

    python benchmarks/neighbors.py --threads 1

Gaussian rows, Euclidean distance, k = 100 of 50,000. imprint also sorts every list by distances in
float64 and orders ties, which the others do not; ``differ`` is the share of queries whose list of
indices is not imprint's. Building an index or fitting is not timed; ``peak MB`` is the memory of
the process during the search beyond what it held before. Runs alternate and the best of
``--repeats`` counts. Exit code 1 when imprint takes more than 1.1 times faiss's time.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import faiss
import numpy as np
import sklearn
import torch
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from imprint.neighbors.nearest import nearest

Search = Callable[[], NDArray[np.int64]]
TOLERANCE = 1.1


@dataclass
class Measured:
    """Best time in seconds, peak extra memory in bytes, and what was found."""

    seconds: float = float("inf")
    peak: int = 0
    found: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 0), np.int64))


def main() -> None:
    """Measure every search at every dimension and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--queries", type=int, nargs="+", default=[2048, 1024])
    parser.add_argument("--dimensions", type=int, nargs="+", default=[256, 2048])
    parser.add_argument("--k", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    faiss.omp_set_num_threads(options.threads)
    print(
        f"M = {options.rows}, k = {options.k}, {options.threads} thread(s), best of "
        f"{options.repeats}; torch {torch.__version__}, faiss {faiss.__version__}, "
        f"scikit-learn {sklearn.__version__}"
    )
    slow = False
    for dimensions, count in zip(options.dimensions, options.queries, strict=True):
        print(f"\nd = {dimensions}, {count} queries")
        print(f"{'search':<18}{'queries/s':>10}{'× faiss time':>14}{'peak MB':>9}{'differ':>9}")
        with threadpool_limits(options.threads, user_api="blas"):
            results = measure(searches(options.rows, count, dimensions, options.k), options.repeats)
        reference, ours = results["faiss"].seconds, results["imprint auto"]
        for name, result in results.items():
            differ = (result.found != ours.found).any(axis=1).mean()
            print(
                f"{name:<18}{count / result.seconds:>10.0f}{result.seconds / reference:>14.2f}"
                f"{result.peak / 2**20:>9.0f}{differ:>9.3f}"
            )
        slow |= ours.seconds > TOLERANCE * reference
    sys.exit(int(slow))


def searches(rows: int, count: int, dimensions: int, k: int) -> dict[str, Search]:
    """Return each search of the same queries among the same rows."""
    random = np.random.default_rng(0)
    base = random.standard_normal((rows, dimensions), dtype=np.float32)
    queries = random.standard_normal((count, dimensions), dtype=np.float32)
    index = faiss.IndexFlatL2(dimensions)
    index.add(base)
    brute = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(base)
    return {
        "faiss": lambda: index.search(queries, k)[1],
        "imprint auto": lambda: nearest(queries, base, k, device="cpu").indices,
        "imprint torch": lambda: nearest(queries, base, k, device="cpu", backend="torch").indices,
        "scikit-learn": lambda: brute.kneighbors(queries, return_distance=False),
    }


def measure(searches: dict[str, Search], repeats: int) -> dict[str, Measured]:
    """Return the best time of each search; all take turns, so that all meet the same machine."""
    results = {name: Measured() for name in searches}
    for _ in range(repeats):
        for name, search in searches.items():
            result = results[name]
            with PeakMemory() as memory:
                start = time.perf_counter()
                result.found = search()
                result.seconds = min(result.seconds, time.perf_counter() - start)
            result.peak = max(result.peak, memory.extra)
    return results


class PeakMemory:
    """Peak resident memory beyond that at entry, sampled every 5 ms (Linux; else 0)."""

    STATUS = Path("/proc/self/statm")
    PAGE = 4096

    def __enter__(self) -> PeakMemory:
        self.before = self.peak = self._resident()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.extra = self.peak - self.before

    def _watch(self) -> None:
        while not self._over.wait(0.005):
            self.peak = max(self.peak, self._resident())

    def _resident(self) -> int:
        return int(self.STATUS.read_text().split()[1]) * self.PAGE if self.STATUS.exists() else 0


if __name__ == "__main__":
    main()
