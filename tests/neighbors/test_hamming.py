import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.neighbors import hamming
from imprint.neighbors.hamming import hamming_pairs


def oracle(queries, base, radius, k):
    """Return (query, base row, distance) of the nearest pairs by comparing all of them."""
    distances = (queries[:, None] != base[None]).sum(2)
    pairs = []
    for query, row in enumerate(distances):
        near = sorted((int(d), column) for column, d in enumerate(row) if d <= radius)[:k]
        pairs += [(query, column, d) for d, column in near]
    return pairs


@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.integers(1, 5))
def test_pairs_are_those_of_comparing_all(seed, radius, k):
    random = np.random.default_rng(seed)
    queries, base = (random.random((count, 9)) < 0.5 for count in (7, 11))
    pairs = hamming_pairs(queries, base, radius, k, "cpu")
    columns = (pairs.queries.tolist(), pairs.base.tolist(), pairs.distances.tolist())
    assert list(zip(*columns, strict=True)) == oracle(queries, base, radius, k)


def test_tiles_change_nothing(monkeypatch):
    random = np.random.default_rng(0)
    queries, base = (random.random((count, 6)) < 0.5 for count in (50, 40))
    whole = hamming_pairs(queries, base, 2, 3, "cpu")
    monkeypatch.setattr(hamming, "QUERY_TILE", 7)
    monkeypatch.setattr(hamming, "BASE_TILE", 9)
    tiled = hamming_pairs(queries, base, 2, 3, "cpu")
    for name in ("queries", "base", "distances"):
        assert np.array_equal(getattr(whole, name), getattr(tiled, name))


def test_strings_of_other_lengths_are_refused():
    with pytest.raises(ImprintError, match="rows of equal length"):
        hamming_pairs(np.zeros((1, 3), bool), np.zeros((1, 4), bool), 1, 1, "cpu")
