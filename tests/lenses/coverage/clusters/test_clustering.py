import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.coverage.clusters.clustering import Clustering, cluster


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


def test_activations_that_are_not_finite_are_counted_and_refused() -> None:
    values = np.zeros((5, 3))
    values[1, 0] = values[2, 0] = np.nan
    values[3, 2] = np.inf
    with pytest.raises(ImprintError, match="3 activations of 2 neurons are NaN or infinite"):
        cluster(values)
