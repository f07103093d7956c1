"""What measures of generated images cost, against one matrix product of the same features.

    python benchmarks/generated_quality.py [--images 10000] [--features 256] [--repeats 3]

Real and generated images are normal features, as many of either. One product is that of all
generated with all real features in float64: kernel distance, and precision with recall, density and
coverage, need three of them. Every row is the best of the repeats, taken in turns; peak memory
is what NumPy holds beyond the features. Leaves with 1 if a result is not that of a definition
that is worked out without blocks, on 300 images.
"""

from __future__ import annotations

import argparse
import sys
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist

from imprint.core.arrays import FloatArray
from imprint.core.progress import Verbosity, set_verbosity
from imprint.lenses.reconstruct.quality.frechet import frechet_quality
from imprint.lenses.reconstruct.quality.kernel import (
    cubic_kernel,
    jackknife_error,
    kernel_quality,
    row_sums,
    squared_mmd,
)
from imprint.lenses.reconstruct.quality.manifold import (
    NEIGHBOURS,
    manifold_quality,
    manifold_scores,
)
from imprint.stats.frechet import frechet_distance

CHECKED_IMAGES = 300


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("images", 10_000), ("features", 256), ("repeats", 3)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    set_verbosity(Verbosity.QUIET)
    random = np.random.default_rng(0)
    shape = (options.images, options.features)
    real, generated = random.normal(size=shape), 0.95 * random.normal(size=shape) + 0.02
    measures: dict[str, Callable[[], object]] = {
        "one matrix product": lambda: generated @ real.T,
        "Fréchet distance": lambda: frechet_distance(real, generated),
        "with its noise floor, 5 splits": lambda: frechet_quality(real, generated),
        "kernel distance with its error": lambda: _kernel_distance(real, generated),
        "with 100 subsets of 1,000": lambda: kernel_quality(real, generated),
        "precision, recall, density, coverage": lambda: manifold_scores(
            real, generated, NEIGHBOURS
        ),
        "with those of real images": lambda: manifold_quality(real, generated),
    }
    seconds = {name: float("inf") for name in measures}
    peaks = dict.fromkeys(measures, 0)
    for _ in range(options.repeats):
        for name, measure in measures.items():
            start = time.process_time()
            peaks[name] = peak_bytes(measure)
            seconds[name] = min(seconds[name], time.process_time() - start)
    print(f"{options.images:,} × {options.features} features, processor seconds, one thread\n")
    print("| measure | seconds | × one product | peak MB |\n|---|---|---|---|")
    bare = seconds["one matrix product"]
    for name, best in seconds.items():
        print(f"| {name} | {best:.2f} | {best / bare:.1f} | {peaks[name] / 1e6:,.0f} |")
    differences = largest_differences(real[:CHECKED_IMAGES], generated[:CHECKED_IMAGES])
    print(f"\nLargest relative difference from the definitions, {CHECKED_IMAGES} images:")
    for name, difference in differences.items():
        print(f"- {name}: {difference:.1e}")
    return int(max(differences.values()) > 1e-9)


def peak_bytes(measure: Callable[[], object]) -> int:
    """Return the most that NumPy held at a time beyond what is there."""
    tracemalloc.start()
    measure()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def largest_differences(real: FloatArray, generated: FloatArray) -> dict[str, float]:
    """Return how far results lie from definitions with whole matrices."""
    first, second = np.cov(real, rowvar=False), np.cov(generated, rowvar=False)
    frechet = ((real.mean(0) - generated.mean(0)) ** 2).sum() + np.trace(
        first + second - 2 * sqrtm(first @ second).real
    )
    kernels = [cubic_kernel(*pair) for pair in ((real, real), (generated, generated))]
    within = [kernel[~np.eye(len(kernel), dtype=bool)].mean() for kernel in kernels]
    distance = sum(within) - 2 * cubic_kernel(real, generated).mean()
    scores = manifold_scores(real, generated, NEIGHBOURS)
    inside = cdist(generated, real) <= np.sort(cdist(real, real), axis=1)[:, NEIGHBOURS]
    expected = (inside.any(1).mean(), inside.sum(1).mean() / NEIGHBOURS, inside.any(0).mean())
    balls = zip((scores.precision, scores.density, scores.coverage), expected, strict=True)
    return {
        "Fréchet distance": abs(frechet_distance(real, generated) / frechet - 1),
        "kernel distance": abs(squared_mmd(row_sums(real, generated)) / distance - 1),
        "precision, density, coverage": max(abs(own / other - 1) for own, other in balls),
    }


def _kernel_distance(real: FloatArray, generated: FloatArray) -> tuple[float, float]:
    sums = row_sums(real, generated)
    return squared_mmd(sums), jackknife_error(sums)


if __name__ == "__main__":
    sys.exit(main())
