import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_score

from imprint.lenses.coverage.clusters.partition import best_cuts, sorted_values
from imprint.lenses.coverage.clusters.silhouette import mean_silhouettes


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
