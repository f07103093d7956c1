"""Exact 1-D clustering with silhouettes against scikit-learn, on equal activations.

    OMP_NUM_THREADS=1 python benchmarks/coverage_clustering.py

For every k in 2 … 9 scikit-learn runs KMeans(n_init=10) and silhouette_score on each neuron;
imprint clusters all neurons at once. ``inertia`` is ours over theirs, least and greatest: never
above 1, and below it where Lloyd's iterations stop early. ``silhouette`` is the largest difference
between our closed form and silhouette_score of our clusters of the first neuron; ``same k`` counts
neurons that get the same number of clusters.

Times are of the processor, one thread, so that other work on the machine counts less; the best of
the repeats counts, all in one run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import sklearn
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from threadpoolctl import threadpool_limits

from imprint.core.arrays import FloatArray
from imprint.lenses.coverage.clusters.clustering import cluster
from imprint.lenses.coverage.clusters.partition import best_cuts, inertia, sorted_values
from imprint.lenses.coverage.clusters.silhouette import mean_silhouettes

CLUSTERS = range(2, 10)


def main() -> None:
    """Measure every kind of activations and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=3500)
    parser.add_argument("--neurons", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--sklearn-repeats", type=int, default=2)
    options = parser.parse_args()
    print(
        f"{options.inputs} values, {options.neurons} neurons, k = 2 … 9, one thread; "
        f"numpy {np.__version__}, scikit-learn {sklearn.__version__}"
    )
    print(
        f"{'activations':<12}{'imprint ms':>11}{'sklearn ms':>11}{'faster':>8}"
        f"{'inertia':>22}{'silhouette':>12}{'same k':>8}"
    )
    with threadpool_limits(1):
        for name, columns in kinds(options.inputs, options.neurons).items():
            theirs, reference = best_of(options.sklearn_repeats, lambda c=columns: library(c))
            ours, found = best_of(options.repeats, lambda c=columns: cluster(c))
            ratio, gap = compare(columns, reference[0])
            chosen = np.array([one.clusters for one in found]) - 2
            agree = int((chosen == reference[1].argmax(axis=0)).sum())
            print(
                f"{name:<12}{1e3 * ours / options.neurons:>11.2f}"
                f"{1e3 * theirs / options.neurons:>11.0f}{theirs / ours:>8.0f}"
                f"{ratio.min():>11.7f}{ratio.max():>11.8f}{gap:>12.1e}{agree:>5}/{options.neurons}"
            )


def kinds(inputs: int, neurons: int) -> dict[str, FloatArray]:
    """Return activations of several kinds, ``[n, m]`` each."""
    random = np.random.default_rng(0)
    normal = random.normal(size=(inputs, neurons))
    heaps = normal + 6 * random.integers(0, 3, (inputs, neurons))
    return {
        "normal": normal,
        "three heaps": heaps,
        "after ReLU": np.maximum(normal, 0),
        "float16": normal.astype(np.float16).astype(np.float64),
    }


def library(columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return scikit-learn's inertia and mean silhouette, ``[k, m]`` each."""
    costs, silhouettes = np.empty((2, len(CLUSTERS), columns.shape[1]))
    for neuron, column in enumerate(columns.T[:, :, None]):
        for place, clusters in enumerate(CLUSTERS):
            found = KMeans(clusters, n_init=10, random_state=0).fit(column)
            costs[place, neuron] = found.inertia_
            silhouettes[place, neuron] = silhouette_score(column, found.labels_)
    return costs, silhouettes


def compare(columns: FloatArray, reference: FloatArray) -> tuple[FloatArray, float]:
    """Return our inertia over theirs ``[k, m]``, and how far silhouettes of one neuron differ."""
    different = [np.unique(column, return_counts=True) for column in columns.T]
    data = sorted_values(
        [values - values.mean() for values, _ in different],
        [counts.astype(np.float64) for _, counts in different],
    )
    cuts = best_cuts(data, CLUSTERS[-1])
    first = columns[:, 0]
    labels = [np.searchsorted(different[0][0][one[0]], first, side="right") for one in cuts]
    theirs = np.array([silhouette_score(first[:, None], one) for one in labels])
    ours = np.array([mean_silhouettes(data, one)[0] for one in cuts])
    costs = np.stack([inertia(data, one) for one in cuts])
    return costs / reference, float(np.abs(ours - theirs).max())


def best_of(repeats: int, work: Callable[[], object]) -> tuple[float, object]:
    """Return the least processor seconds of some runs, and the last result."""
    least, result = np.inf, None
    for _ in range(repeats):
        start = time.process_time()
        result = work()
        least = min(least, time.process_time() - start)
    return least, result


if __name__ == "__main__":
    main()
