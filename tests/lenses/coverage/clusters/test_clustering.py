from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.clustering import Clustering, cluster
from imprint.lenses.coverage.clusters.partition import best_cuts, inertia, sorted_values
from imprint.lenses.coverage.clusters.silhouette import mean_silhouettes


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


@given(
    values=st.lists(st.integers(-20, 20), min_size=12, max_size=60),
    clusters=st.integers(2, 6),
    scale=st.sampled_from([1.0, 1e-3, 1e4]),
)
@settings(max_examples=40, deadline=None)
def test_silhouettes_are_those_of_all_pairs(values, clusters, scale) -> None:
    column = np.array(values, dtype=float) * scale
    different, counts = np.unique(column, return_counts=True)
    if len(different) < clusters:
        return
    data = sorted_values([different], [counts.astype(float)])
    cuts = best_cuts(data, clusters)[-1]
    labels = np.searchsorted(different[cuts[0]], column, side="right")
    assert mean_silhouettes(data, cuts)[0] == pytest.approx(
        silhouette_score(column[:, None], labels), abs=1e-10
    )


def test_three_heaps_are_three_clusters() -> None:
    random = np.random.default_rng(0)
    heaps = np.repeat([-5.0, 0.0, 5.0], [30, 50, 20])
    found = cluster((heaps + random.normal(0, 0.3, 100))[:, None])[0]
    assert found.clusters == 3
    assert found.counts.tolist() == [30, 50, 20]
    assert found.thresholds == pytest.approx((found.centres[:-1] + found.centres[1:]) / 2)
    assert found.thresholds == pytest.approx([-2.5, 2.5], abs=0.2)
    assert found.silhouette is not None
    assert found.silhouette > 0.9


def test_all_neurons_at_once_are_each_alone() -> None:
    """Different counts of different values, one constant, an offset that eats digits."""
    random = np.random.default_rng(3)
    columns = np.stack(
        [
            random.normal(size=200),
            random.integers(0, 4, 200).astype(float),
            np.full(200, 3.5),
            1e6 + random.normal(size=200),
            random.integers(0, 2, 200).astype(float),
        ],
        axis=1,
    )
    for clusters in (0, 2, 5):
        together = cluster(columns, clusters)
        for place, one in enumerate(together):
            alone = cluster(columns[:, [place]], clusters)[0]
            np.testing.assert_allclose(one.thresholds, alone.thresholds, rtol=1e-12)
            assert one.counts.tolist() == alone.counts.tolist()
    shifted, plain = cluster(columns[:, [3]], 4)[0], cluster(columns[:, [3]] - 1e6, 4)[0]
    assert shifted.thresholds - 1e6 == pytest.approx(plain.thresholds, abs=1e-8)


@given(
    values=st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=40),
    clusters=st.sampled_from([0, 1, 2, 5]),
)
@settings(max_examples=60, deadline=None)
def test_any_values_have_clusters_of_all_inputs(values, clusters) -> None:
    """Also values whose squares leave no digits of their differences."""
    found = cluster(np.array(values)[:, None], clusters)[0]
    assert found.counts.sum() == len(values)
    assert found.counts.min() >= 1
    assert len(found.thresholds) == found.clusters - 1
    assert (np.diff(found.thresholds) >= 0).all()
    assert found.clusters <= max(1, len(np.unique(values)))
    assert np.isfinite(found.inertia)


def test_a_constant_neuron_has_one_cluster() -> None:
    found = cluster(np.full((7, 1), 2.0))[0]
    assert (found.clusters, found.counts.tolist(), found.silhouette) == (1, [7], None)
    assert found.assign([-1, 2, 9]).tolist() == [0, 0, 0]


def test_a_value_on_a_threshold_is_above_it() -> None:
    found = Clustering(np.array([0.0, 1.0]), np.zeros(3), np.zeros(3, dtype=np.int64), None, 0.0)
    assert found.assign([-0.1, 0.0, 0.9, 1.0, 2.0]).tolist() == [0, 1, 1, 2, 2]


def test_more_clusters_than_values_are_as_many_as_values() -> None:
    found = cluster([[1.0], [2.0], [2.0], [4.0]], 7)[0]
    assert found.centres.tolist() == [1.0, 2.0, 4.0]
    assert found.inertia == 0


def test_what_is_not_finite_is_counted_and_refused() -> None:
    values = np.zeros((5, 3))
    values[1, 0] = values[2, 0] = np.nan
    values[3, 2] = np.inf
    with pytest.raises(ImprintError, match="3 activations of 2 neurons are NaN or infinite"):
        cluster(values)
