"""Which clusterer's coverage goes best with accuracy: a search over clusterers from kept arrays.

Score of a configuration: Pearson's correlation between the coverage of random test subsets and
the weighted F1 of the network on them, with its bootstrap interval over subsets. First a grid over
k of exact clusters, which is the whole of that space; then, over scikit-learn's clusterers,
Bayesian search: a Gaussian process (Matérn 5/2 with noise) and the largest expected improvement,

    EI = (μ − best − ξ) Φ(z) + σ φ(z),   z = (μ − best − ξ)/σ,   ξ = 0.01

Subsets of one size differ little in F1, so that scores of few subsets are mostly noise, and the
best of many is biased upwards: read the interval, and prefer exact clusters within it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imprint.core.arrays import FloatArray, IntArray
from imprint.core.errors import ImprintError
from imprint.core.missing import Missing
from imprint.core.seeds import derive, generator
from imprint.lenses.coverage.clusters.cells import Cells
from imprint.lenses.coverage.clusters.clusterers import cluster_by
from imprint.lenses.coverage.clusters.clustering import MAX_CLUSTERS
from imprint.lenses.coverage.measure.resampling import CellCache
from imprint.stats.correlation import pearson
from imprint.stats.estimate import Estimate

EXPLORATION = 0.01
CANDIDATES = 512
NO_SCORE = -1.0

Range = tuple[float, float]
Space = Mapping[str, Mapping[str, Range]]

SPACE: Space = {
    "KMeans": {"n_clusters": (2, 30)},
    "MiniBatchKMeans": {"n_clusters": (2, 30), "batch_size": (32, 2048)},
    "BisectingKMeans": {"n_clusters": (2, 30)},
    "MeanShift": {"bandwidth": (0.1, 5.0)},
    "AffinityPropagation": {"damping": (0.5, 0.99), "preference": (-300.0, 0.0)},
    "Birch": {"n_clusters": (2, 30), "threshold": (0.05, 0.5)},
}
"""Clusterers and the ranges of their parameters; those with whole ends are whole numbers."""


@dataclass(frozen=True)
class Trial:
    """One configuration that was tried.

    Attributes:
        config: ``clusterer``, its name, and its parameters.
        score: correlation of coverage with F1, or why there is none.
    """

    config: Mapping[str, Any]
    score: Estimate | Missing

    @property
    def value(self) -> float:
        """The correlation; −1 where there is none."""
        return NO_SCORE if isinstance(self.score, Missing) else self.score.value


@dataclass(frozen=True)
class SearchResult:
    """A search over clusterers.

    Attributes:
        backend_used: ``grid``, or ``sklearn`` where other clusterers were tried as well.
        best_config: the configuration of the highest score, the first of equal ones.
        best_score: its score.
        num_evaluations: how many were tried.
        search_space: ranges of parameters by clusterer.
        history: every trial in turn.
    """

    backend_used: str
    best_config: Mapping[str, Any]
    best_score: Estimate | Missing
    num_evaluations: int
    search_space: Mapping[str, Mapping[str, tuple[float, float]]]
    history: tuple[Trial, ...]

    @classmethod
    def of(cls, history: Sequence[Trial], space: Space) -> SearchResult:
        """Return the result of some trials, the grid first."""
        best = max(history, key=lambda trial: trial.value)
        others = any(trial.config["clusterer"] != "exact" for trial in history)
        grid = {"exact": {"clusters": (0, MAX_CLUSTERS)}}
        return cls(
            "sklearn" if others else "grid",
            best.config,
            best.score,
            len(history),
            grid | dict(space),
            tuple(history),
        )


@dataclass(frozen=True, eq=False)
class SubsetObjective:
    """Coverage of random subsets against the network's F1 on them.

    Attributes:
        train: activations of the chosen neurons on training data, ``[N, m]``.
        test: on test data, ``[M, m]``.
        subsets: int64 ``[r, s]``, rows of test data.
        f1: float64 ``[r]``, weighted F1 on each subset.
        seed: of bootstraps and of clusterers that draw.
    """

    train: NDArray[np.float32]
    test: NDArray[np.float32]
    subsets: IntArray
    f1: FloatArray
    seed: int

    @classmethod
    def of(
        cls,
        train: NDArray[np.float32],
        test: NDArray[np.float32],
        labels: IntArray,
        predictions: IntArray,
        seed: int,
        subsets: int = 30,
        size: int | None = None,
    ) -> SubsetObjective:
        """Draw subsets without replacement and score the network on each.

        Args:
            train: ``[N, m]``.
            test: ``[M, m]``.
            labels: int64 ``[M]``.
            predictions: int64 ``[M]``.
            seed: of the draws.
            subsets: how many, 3 or more.
            size: inputs of each; a tenth of them all by default.

        Raises:
            ImprintError: too few subsets, or a size out of range.
        """
        from sklearn.metrics import f1_score

        count = len(test) // 10 if size is None else size
        if subsets < 3 or not 1 <= count <= len(test):
            raise ImprintError(
                f"{subsets} subsets of {count} of {len(test)} inputs: there must be at least 3 "
                "subsets, of at least 1 input and at most all"
            )
        rows = np.stack(
            [
                generator(seed, "subset", place).choice(len(test), count, replace=False)
                for place in range(subsets)
            ]
        )
        f1 = [
            f1_score(labels[row], predictions[row], average="weighted", zero_division=0)
            for row in rows
        ]
        return cls(train, test, rows, np.array(f1), seed)

    def trial(self, clusterer: str, parameters: Mapping[str, float]) -> Trial:
        """Try one configuration; where it has no score, its score is the reason."""
        try:
            cells = Cells.of(cluster_by(clusterer, self.train, self.seed, **parameters))
            cache = CellCache.of(cells.codes(torch.from_numpy(self.test)), cells.total)
            reached = cache.reached(self.subsets)
            score: Estimate | Missing = pearson(
                reached.astype(np.float64), self.f1, generator(self.seed, "correlation")
            )
        except ImprintError as error:
            score = Missing(str(error))
        return Trial({"clusterer": clusterer, **parameters}, score)


def search(
    objective: SubsetObjective, trials: int = 32, starts: int = 8, space: Space = SPACE
) -> SearchResult:
    """Try every k of exact clusters, then other clusterers by expected improvement.

    Args:
        objective: what to score.
        trials: configurations of other clusterers; 0 leaves the grid alone.
        starts: how many of them are spread over the space first.
        space: the other clusterers and their ranges.
    """
    grid = (0, *range(2, MAX_CLUSTERS + 1))
    history = [objective.trial("exact", {"clusters": clusters}) for clusters in grid]
    if trials:
        points = _spread(max(trials, CANDIDATES), space, objective.seed)
        tried: list[int] = []
        for place in range(trials):
            scores = np.array([trial.value for trial in history[len(grid) :]])
            best = max(trial.value for trial in history)
            at = place if place < starts else _promising(points, tried, scores, best)
            tried.append(at)
            history.append(objective.trial(*_decoded(points[at], space)))
    return SearchResult.of(history, space)


def _spread(count: int, space: Space, seed: int) -> FloatArray:
    """Return points spread evenly: which clusterer, one column each, then two parameters."""
    from scipy.stats import qmc

    bits = int(np.ceil(np.log2(count)))
    random = np.random.default_rng(derive(seed, "search"))
    spread = qmc.Sobol(3, rng=random).random_base2(bits)
    which = np.minimum((spread[:, 0] * len(space)).astype(np.int64), len(space) - 1)
    return np.concatenate([np.eye(len(space))[which], spread[:, 1:]], axis=1)


def _decoded(point: FloatArray, space: Space) -> tuple[str, dict[str, float]]:
    name = list(space)[int(point[: len(space)].argmax())]
    parameters: dict[str, float] = {}
    for part, (key, (low, high)) in zip(point[len(space) :], space[name].items(), strict=False):
        value = low + float(part) * (high - low)
        whole = isinstance(low, int) and isinstance(high, int)
        parameters[key] = round(value) if whole else value
    return name, parameters


def _promising(points: FloatArray, tried: Sequence[int], scores: FloatArray, best: float) -> int:
    """Return the point of the largest expected improvement that was not tried."""
    import warnings

    from scipy.stats import norm
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import Matern, WhiteKernel

    kernel = Matern(nu=2.5, length_scale=0.5) + WhiteKernel(0.05)
    process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0)
    with warnings.catch_warnings():
        # A length scale at its bound is fine here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        process.fit(points[list(tried)], scores)
    mean, deviation = process.predict(points, return_std=True)
    gain = mean - best - EXPLORATION
    reach = gain / np.maximum(deviation, 1e-12)
    improvement = gain * norm.cdf(reach) + deviation * norm.pdf(reach)
    improvement[list(tried)] = -np.inf
    return int(improvement.argmax())
