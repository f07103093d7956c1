"""Coverage of parts and resamples of a test set, from one cell an input.

    python benchmarks/coverage_cache.py

The cells of 10,000 inputs are drawn by a law that makes few cells common and most rare.
Printed: how long the coverage of a random half takes, and 1,000 resamples with their interval.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch

from imprint.lenses.coverage.measure.resampling import CellCache, bootstrap_coverage

INPUTS, DRAWS = 10_000, 1000


def main() -> None:
    """Time both for several numbers of cells."""
    random = np.random.default_rng(0)
    print("| cells | reached | coverage of a half, ms | 1,000 resamples, s | 95 % interval |")
    print("|---|---|---|---|---|")
    for total in (2**10, 3**10, 4**10):
        codes = np.minimum(random.zipf(1.3, INPUTS), total) - 1
        cache = CellCache.of(torch.from_numpy(codes)[:, None], total)
        half = random.permutation(INPUTS)[: INPUTS // 2]
        subset = min(_seconds(lambda c=cache, h=half: c.values(h)) for _ in range(20))
        start = time.process_time()
        found = bootstrap_coverage(cache, random, DRAWS)
        resamples = time.process_time() - start
        low, high = found.ci95
        print(
            f"| {total:,} | {len(cache.counts):,} | {1e3 * subset:.2f} | {resamples:.1f} | "
            f"{found.value:.4f} [{low:.4f}, {high:.4f}] |"
        )


def _seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
