import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.neighbors.merge import Ranked, merge_shards
from imprint.neighbors.nearest import as_neighbors, nearest, rank


def test_equal_keys_come_by_row_whatever_the_order_of_shards() -> None:
    first = Ranked(np.array([[4, 5]]), np.array([[1.0, 1.0]]))
    second = Ranked(np.array([[0, 1]]), np.array([[1.0, 3.0]]))
    for shards in ([first, second], [second, first]):
        merged = merge_shards(shards, 3)
        assert merged.indices.tolist() == [[0, 4, 5]]
        assert merged.keys.tolist() == [[1.0, 1.0, 1.0]]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 60),
    shards=st.integers(1, 7),
    metric=st.sampled_from(["l2", "cosine"]),
    spread=st.sampled_from([0, 1, 2, 1000]),
)
def test_shards_merge_to_the_bytes_of_one_search(seed, rows, shards, metric, spread) -> None:
    random = np.random.default_rng(seed)
    base = random.integers(-spread, spread + 1, (rows, 3)).astype(np.float32)
    queries = random.integers(-spread, spread + 1, (5, 3)).astype(np.float32)
    k = int(random.integers(1, rows + 1))
    cuts = np.sort(random.integers(0, rows + 1, shards - 1))
    parts = [part for part in np.split(np.arange(rows), cuts) if len(part)]
    ranked = [
        rank(queries, base[part], min(k, len(part)), metric, "cpu", first_row=part[0])
        for part in parts
    ]
    random.shuffle(ranked)
    merged = as_neighbors(merge_shards(ranked, k), metric)
    whole = nearest(queries, base, k, metric, device="cpu")
    assert merged.indices.tobytes() == whole.indices.tobytes()
    assert merged.distances.tobytes() == whole.distances.tobytes()


def test_shards_that_cannot_be_merged_are_refused() -> None:
    one = Ranked(np.array([[0]]), np.array([[1.0]]))
    two = Ranked(np.array([[1], [2]]), np.array([[1.0], [1.0]]))
    for shards in ([], [one, two]):
        with pytest.raises(ImprintError, match="different queries"):
            merge_shards(shards, 1)
    with pytest.raises(ImprintError, match="k = 2 neighbours were requested of shards that hold 1"):
        merge_shards([one], 2)
