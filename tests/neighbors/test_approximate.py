import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.neighbors import approximate, sources
from imprint.neighbors.approximate import (
    measure_recall,
    nearest_approximate,
    recall_shares,
    rerank,
)
from imprint.neighbors.index_file import IvfPqOptions, write_index
from imprint.neighbors.merge import Ranked
from imprint.neighbors.nearest import nearest
from imprint.neighbors.sources import ArraySource, NpySource

pytest.importorskip("faiss")
RANDOM = np.random.default_rng(0)
BASE = RANDOM.standard_normal((1000, 8)).astype(np.float32)
QUERIES = RANDOM.standard_normal((30, 8)).astype(np.float32)
METRICS = ("l2", "cosine")


@pytest.mark.parametrize("metric", METRICS)
def test_all_lists_and_all_candidates_are_the_exact_search(tmp_path, metric) -> None:
    everything = IvfPqOptions(lists=8, nprobe=8, candidates=1000)
    write_index(tmp_path / "i", ArraySource(BASE), everything, metric)
    result = nearest_approximate(QUERIES, ArraySource(BASE), tmp_path / "i", 10, everything, metric)
    exact = nearest(QUERIES, BASE, 10, metric)
    assert result.neighbors.indices.tobytes() == exact.indices.tobytes()
    assert result.neighbors.distances.tobytes() == exact.distances.tobytes()
    assert result.recall.value == 1
    assert result.recall.ci95[0] < 1
    assert result.recall.n == 30
    assert result.exact == 0


@pytest.mark.parametrize("metric", METRICS)
def test_recall_is_that_of_the_brute_force_count(tmp_path, metric) -> None:
    options = IvfPqOptions(lists=16, nprobe=2, candidates=40, code_bytes=4)
    write_index(tmp_path / "i", ArraySource(BASE), options, metric)
    result = nearest_approximate(QUERIES, ArraySource(BASE), tmp_path / "i", 10, options, metric)
    exact = nearest(QUERIES, BASE, 10, metric)
    pairs = zip(result.neighbors.indices.tolist(), exact.indices.tolist(), strict=True)
    shares = [len(set(near) & set(true)) / 10 for near, true in pairs]
    assert 0.2 < result.recall.value < 1
    assert result.recall.value == pytest.approx(np.mean(shares), abs=1e-12)
    low, high = result.recall.ci95
    assert low < result.recall.value < high


def test_the_result_does_not_depend_on_blocks_tiles_or_source(tmp_path, monkeypatch) -> None:
    options = IvfPqOptions(lists=16, nprobe=3, candidates=40)
    write_index(tmp_path / "i", ArraySource(BASE), options)
    whole = nearest_approximate(QUERIES, ArraySource(BASE), tmp_path / "i", 10, options)
    np.save(tmp_path / "v.npy", BASE)
    monkeypatch.setattr(sources, "BLOCK_BYTES", 32 * 7)
    monkeypatch.setattr(approximate, "PAIRS", 90)
    again = nearest_approximate(QUERIES, NpySource(tmp_path / "v.npy"), tmp_path / "i", 10, options)
    assert whole.neighbors.indices.tobytes() == again.neighbors.indices.tobytes()
    assert whole.neighbors.distances.tobytes() == again.neighbors.distances.tobytes()
    assert whole.recall == again.recall


def test_queries_with_too_few_candidates_are_searched_exactly(tmp_path) -> None:
    options = IvfPqOptions(lists=25, nprobe=1)
    write_index(tmp_path / "i", ArraySource(BASE), options)
    result = nearest_approximate(QUERIES, ArraySource(BASE), tmp_path / "i", 400, options)
    assert result.exact == 30
    assert np.array_equal(result.neighbors.indices, nearest(QUERIES, BASE, 400).indices)


@pytest.mark.parametrize("metric", METRICS)
def test_candidates_are_ranked_by_exact_distance_then_row(metric) -> None:
    base = RANDOM.integers(-1, 2, (60, 3)).astype(np.float32)
    queries = RANDOM.integers(-1, 2, (7, 3)).astype(np.float32)
    candidates = np.stack([RANDOM.permutation(60)[:12] for _ in queries])
    ranked = rerank(queries, ArraySource(base), candidates, metric, 5)
    for query, rows, near in zip(queries, candidates, ranked.indices, strict=True):
        rows = np.sort(rows)
        expected = rows[nearest(query[None], base[rows], 5, metric).indices[0]]
        assert near.tolist() == expected.tolist()


def test_candidates_that_are_missing_come_last() -> None:
    ranked = rerank(
        np.zeros((1, 1), np.float32),
        ArraySource(np.arange(3, dtype=np.float32)[:, None]),
        np.array([[2, -1, 1]]),
        "l2",
        3,
    )
    assert ranked.indices[0, :2].tolist() == [1, 2]
    assert ranked.keys.tolist() == [[1.0, 4.0, np.inf]]


def test_vectors_at_the_distance_of_the_last_count_as_found() -> None:
    assert recall_shares(np.array([[1.0, 2.0, 2.0]]), np.array([[1.0, 2.0, 2.0]])).tolist() == [1]
    assert recall_shares(np.array([[1.0, 3.0]]), np.array([[1.0, 2.0]])).tolist() == [0.5]


def test_vectors_that_are_as_far_as_the_last_but_for_rounding_count_as_found() -> None:
    exact = np.array([[0.25, 0.5]])
    rounded = np.array([[0.25, np.nextafter(0.5, 1)]])
    assert recall_shares(rounded, exact).tolist() == [1]
    assert recall_shares(np.array([[0.25, 0.5 + 1e-9]]), exact).tolist() == [0.5]


def test_recall_under_cosine_counts_ties_on_paper_as_found(tmp_path) -> None:
    """Angles between vectors of −1, 0 and 1 tie often, and differ in the last bits of float64."""
    random = np.random.default_rng(4)
    base = random.integers(-1, 2, (3000, 16)).astype(np.float32)
    queries = random.integers(-1, 2, (60, 16)).astype(np.float32)
    options = IvfPqOptions(lists=32, nprobe=4, candidates=60, code_bytes=4)
    write_index(tmp_path / "i", ArraySource(base), options, "cosine")
    result = nearest_approximate(
        queries, ArraySource(base), tmp_path / "i", 20, options, "cosine", device="cpu"
    )
    dots = queries @ base.T
    squares = np.square(queries, dtype=np.float64).sum(axis=1)[:, None] * np.square(base).sum(
        axis=1
    )
    # Two different cosines of such vectors are further apart than 12 digits tell.
    cosines = np.round(dots.astype(np.float64) / np.sqrt(np.maximum(squares, 1.0)), 12)
    last = -np.sort(-cosines, axis=1)[:, 19:20]
    shares = (np.take_along_axis(cosines, result.neighbors.indices, 1) >= last).mean(axis=1)
    assert result.recall.value == pytest.approx(shares.mean(), abs=1e-12)


def test_recall_is_measured_on_as_many_queries_as_asked() -> None:
    base = ArraySource(np.arange(100, dtype=np.float32)[:, None])
    queries = np.arange(40, dtype=np.float32)[:, None]
    ranked = Ranked(np.arange(40)[:, None], np.zeros((40, 1)))
    recall = measure_recall(queries, base, ranked, "l2", 12, 0)
    assert (recall.value, recall.n) == (1.0, 12)


def test_the_interval_of_the_recall_covers() -> None:
    """Of 400 samples of 64 queries whose neighbours are missed list by list, by mean_share."""
    from imprint.core.seeds import generator
    from imprint.stats.bootstrap import mean_share

    random, covered = np.random.default_rng(0), 0
    lists = 12
    for draw in range(400):
        shares = random.dirichlet(np.full(lists, 0.5), size=64)
        probed = random.random((64, lists)) < 0.95
        estimate = mean_share((shares * probed).sum(axis=1), generator(draw, "coverage"), 500)
        covered += estimate.ci95[0] <= 0.95 <= estimate.ci95[1]
    assert covered >= 0.92 * 400


def test_an_index_of_other_vectors_is_refused(tmp_path) -> None:
    write_index(tmp_path / "i", ArraySource(BASE), IvfPqOptions())
    with pytest.raises(ImprintError, match="not of 999 of 8 by l2"):
        nearest_approximate(QUERIES, ArraySource(BASE[1:]), tmp_path / "i", 3)
    with pytest.raises(ImprintError, match="by l2, not of 1000 of 8 by cosine"):
        nearest_approximate(QUERIES, ArraySource(BASE), tmp_path / "i", 3, metric="cosine")
