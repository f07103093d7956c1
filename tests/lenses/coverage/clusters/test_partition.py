from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from imprint.lenses.coverage.clusters.clustering import cluster
from imprint.lenses.coverage.clusters.partition import best_cuts, inertia, sorted_values


def cost(values, weights):
    mean = np.average(values, weights=weights)
    return float((weights * (values - mean) ** 2).sum())


def brute_force(values, weights, clusters):
    """The least cost over all ways to cut."""
    best = np.inf
    for cuts in combinations(range(1, len(values)), clusters - 1):
        borders = (0, *cuts, len(values))
        pieces = pairwise(borders)
        best = min(best, sum(cost(values[a:b], weights[a:b]) for a, b in pieces))
    return best


distinct = st.lists(st.integers(-50, 50), min_size=6, max_size=12, unique=True)


@given(
    neurons=st.lists(distinct, min_size=1, max_size=3),
    power=st.integers(1, 3),
    seed=st.integers(0, 99),
    most=st.integers(2, 6),
)
@settings(max_examples=40, deadline=None)
def test_the_optimum_is_that_of_brute_force(neurons, power, seed, most) -> None:
    random = np.random.default_rng(seed)
    values = [np.sort(np.array(neuron, dtype=float) ** power) for neuron in neurons]
    values = [np.unique(column) for column in values]
    values = [column for column in values if len(column) >= most]
    if not values:
        return
    weights = [random.integers(1, 4, len(column)).astype(float) for column in values]
    data = sorted_values(values, weights)
    for clusters, cuts in enumerate(best_cuts(data, most), start=2):
        found = inertia(data, cuts)
        for place, column in enumerate(values):
            expected = brute_force(column, weights[place], clusters)
            scale = (weights[place] * column**2).sum()
            assert found[place] == pytest.approx(expected, rel=1e-9, abs=1e-12 * scale)


def plain_costs(values, most):
    """The textbook recurrence, O(k n²)."""
    total, square = np.r_[0, values.cumsum()], np.r_[0, (values**2).cumsum()]
    size = len(total)
    width = np.arange(size)[None, :] - np.arange(size)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = square[None] - square[:, None] - (total[None] - total[:, None]) ** 2 / width
    gap = np.where(width > 0, gap, np.inf)
    best, costs = gap[0].copy(), []
    best[0] = 0
    for _ in range(most - 1):
        best = np.r_[0, (best[:, None] + gap).min(axis=0)[1:]]
        costs.append(best[-1])
    return costs


@pytest.mark.parametrize("kind", ["normal", "skewed", "bimodal", "integers"])
def test_hundreds_of_values_have_the_optimum_of_the_plain_recurrence(kind: str) -> None:
    random = np.random.default_rng(0)
    columns = {
        "normal": random.normal(size=(400, 3)),
        "skewed": np.exp(3 * random.normal(size=(400, 3))),
        "bimodal": np.r_[random.normal(0, 0.01, (200, 3)), random.normal(5, 1, (200, 3))],
        "integers": random.choice(10_000, (400, 3), replace=False).astype(float),
    }[kind]
    values = list(np.sort(columns, axis=0).T)
    data = sorted_values(values, [np.ones(400)] * 3)
    found = np.stack([inertia(data, cuts) for cuts in best_cuts(data, 9)])
    for place, column in enumerate(values):
        np.testing.assert_allclose(found[:, place], plain_costs(column, 9), rtol=1e-9)


def test_no_run_of_k_means_is_better() -> None:
    values = np.random.default_rng(1).gamma(1.0, size=500)
    found = [cluster(values[:, None], clusters)[0].inertia for clusters in range(2, 10)]
    library = [
        KMeans(clusters, n_init=10, random_state=0).fit(values[:, None]).inertia_
        for clusters in range(2, 10)
    ]
    assert (np.array(found) <= np.array(library) * (1 + 1e-9)).all()
    assert found[0] == pytest.approx(library[0], rel=1e-9)
