import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.clusterers import CLUSTERERS, cluster_by
from imprint.lenses.coverage.clusters.clustering import cluster

PARAMETERS = {
    "KMeans": {"n_clusters": 3},
    "MiniBatchKMeans": {"n_clusters": 3},
    "BisectingKMeans": {"n_clusters": 3},
    "MeanShift": {"bandwidth": 2.0},
    "AffinityPropagation": {"damping": 0.9, "preference": -100},
    "Birch": {"n_clusters": 3},
    "OneCell": {},
}


def heaps() -> np.ndarray:
    random = np.random.default_rng(0)
    return (np.repeat([-6.0, 0.0, 6.0], [20, 50, 30]) + random.normal(0, 0.3, 100))[:, None]


@pytest.mark.parametrize("name", CLUSTERERS)
def test_every_clusterer_finds_three_heaps(name: str) -> None:
    found = cluster_by(name, heaps(), **PARAMETERS[name])[0]
    if name == "OneCell":
        assert (found.clusters, found.counts.tolist()) == (1, [100])
        return
    exact = cluster(heaps(), 3)[0]
    assert found.counts.tolist() == [20, 50, 30]
    assert found.centres == pytest.approx(exact.centres)
    assert found.inertia == pytest.approx(exact.inertia)
    assert np.bincount(found.assign(heaps()[:, 0])).tolist() == [20, 50, 30]


def test_a_constant_neuron_has_one_cluster_everywhere() -> None:
    found = cluster_by("KMeans", np.full((9, 1), 3.0), n_clusters=4)[0]
    assert (found.clusters, found.centres.tolist()) == (1, [3.0])


def test_exact_is_the_exact_one() -> None:
    assert cluster_by("exact", heaps(), clusters=0)[0].clusters == 3


def test_clusters_that_are_not_intervals_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def alternating(values, seed, parameters):
        return np.arange(len(values)) % 2

    monkeypatch.setitem(CLUSTERERS, "alternating", alternating)
    with pytest.raises(ImprintError, match="not intervals"):
        cluster_by("alternating", heaps())


def test_arguments_out_of_range_are_refused() -> None:
    with pytest.raises(ImprintError, match="unknown clusterer"):
        cluster_by("DBSCAN", heaps())
    with pytest.raises(ImprintError, match="KMeans with"):
        cluster_by("KMeans", heaps(), n_clusters=0)
