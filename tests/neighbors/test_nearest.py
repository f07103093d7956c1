import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imprint.core.errors import ImprintError
from imprint.neighbors import nearest as neighbors
from imprint.neighbors import screening
from imprint.neighbors.nearest import Metric, nearest

BACKENDS = ("torch", "faiss")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    if request.param == "faiss":
        pytest.importorskip("faiss")
    return request.param


def oracle(
    queries: NDArray[np.float32], base: NDArray[np.float32], k: int, metric: Metric
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Every distance in float64, then a stable sort: ties by row."""
    left, right = queries.astype(np.float64), base.astype(np.float64)
    if metric == "l2":
        found = np.sqrt(((left[:, None] - right[None]) ** 2).sum(-1))
    else:
        scale = np.linalg.norm(left, axis=1)[:, None] * np.linalg.norm(right, axis=1)[None]
        dots = (left[:, None] * right[None]).sum(-1)
        found = 1 - np.divide(dots, scale, out=np.zeros_like(dots), where=scale > 0)
    order = np.argsort(found, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(found, order, axis=1)


def gaussian(rows: int, dimensions: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((rows, dimensions), dtype=np.float32)


def test_by_hand(backend: str) -> None:
    base = np.float32([[3, 4], [0, 1], [1, 0], [0, 0]])
    found = nearest(np.float32([[0, 0]]), base, 4, backend=backend)
    assert found.indices.tolist() == [[3, 1, 2, 0]]
    assert found.distances.tolist() == [[0, 1, 1, 5]]
    assert found.indices.dtype == np.int64
    assert found.distances.dtype == np.float32


def test_cosine_by_hand(backend: str) -> None:
    base = np.float32([[-1, 0], [0, 5], [7, 0], [0, 0]])
    found = nearest(np.float32([[2, 0]]), base, 4, metric="cosine", backend=backend)
    assert found.indices.tolist() == [[2, 1, 3, 0]]
    assert found.distances.tolist() == [[0, 1, 1, 2]]


def test_a_zero_query_is_at_cosine_distance_one_from_all(backend: str) -> None:
    found = nearest(np.zeros((1, 3), np.float32), gaussian(50, 3), 4, "cosine", backend=backend)
    assert found.indices.tolist() == [[0, 1, 2, 3]]
    assert found.distances.tolist() == [[1, 1, 1, 1]]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 90),
    dimensions=st.integers(1, 7),
    share=st.floats(0, 1),
    query_tile=st.integers(1, 9),
    base_tile=st.integers(1, 40),
)
@pytest.mark.parametrize("backend_name", BACKENDS)
def test_small_integers_with_many_ties_match_the_oracle(
    backend_name: str,
    seed: int,
    rows: int,
    dimensions: int,
    share: float,
    query_tile: int,
    base_tile: int,
) -> None:
    if backend_name == "faiss":
        pytest.importorskip("faiss")
    random = np.random.default_rng(seed)
    base = random.integers(-2, 3, (rows, dimensions)).astype(np.float32)
    queries = random.integers(-2, 3, (8, dimensions)).astype(np.float32)
    k = 1 + int(share * (rows - 1))
    found = nearest(
        queries,
        base,
        k,
        backend=backend_name,
        query_tile=query_tile,
        base_tile=base_tile,
    )
    indices, distances = oracle(queries, base, k, "l2")
    assert np.array_equal(found.indices, indices)
    assert np.array_equal(found.distances, distances.astype(np.float32))


@pytest.mark.parametrize("metric", ["l2", "cosine"])
@pytest.mark.parametrize("offset", [0.0, 100.0])
def test_real_values_match_the_oracle(backend: str, metric: Metric, offset: float) -> None:
    base, queries = gaussian(700, 33) + np.float32(offset), gaussian(25, 33, 1) + np.float32(offset)
    found = nearest(queries, base, 20, metric, backend=backend)
    indices, distances = oracle(queries, base, 20, metric)
    assert np.array_equal(found.indices, indices)
    np.testing.assert_allclose(found.distances, distances, rtol=1e-6, atol=1e-12)


def test_order_beyond_float32_is_right(backend: str) -> None:
    """Squared distances that differ by less than float32 resolves, far from the origin."""
    steps = np.random.default_rng(3).permutation(400)
    base = np.zeros((400, 8), np.float32)
    base[:, 0] = 4096 + steps * 2.0**-11
    queries = np.zeros((1, 8), np.float32)
    found = nearest(queries, base, 50, backend=backend)
    assert np.array_equal(steps[found.indices[0]], np.arange(50))


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_copies_come_in_order_of_their_row(backend: str, metric: Metric) -> None:
    few = gaussian(5, 17)
    base = few[np.random.default_rng(0).integers(0, 5, 1500)]
    queries = np.concatenate([few[:2], gaussian(3, 17, 1)])
    found = nearest(queries, base, 40, metric, backend=backend)
    assert np.array_equal(found.indices, oracle(queries, base, 40, metric)[0])


def test_exact_multiples_tie_under_cosine_and_come_in_order_of_their_row(backend: str) -> None:
    """Six directions, each many times at other lengths, and zeros: one group of ties each."""
    random = np.random.default_rng(0)
    group = random.integers(0, 7, 200)
    directions = np.concatenate([random.integers(-9, 10, (6, 7)), np.zeros((1, 7), int)])
    base = (directions[group] * random.integers(1, 500, 200)[:, None]).astype(np.float32)
    queries = np.concatenate([gaussian(20, 7), base[:5] * 3, np.zeros((1, 7), np.float32)])
    found = nearest(queries, base, 150, "cosine", backend=backend)
    for query, (row, distance) in enumerate(zip(found.indices, found.distances, strict=True)):
        same = group[row][1:] == group[row][:-1]
        assert (np.diff(row)[same] > 0).all(), query
        assert (np.diff(distance)[same] == 0).all()
        for which in set(group[row[:-1]].tolist()) if query < 25 else ():
            places = np.flatnonzero(group[row] == which)
            assert np.array_equal(places, np.arange(places[0], places[-1] + 1))
    assert np.array_equal(found.indices[-1], np.arange(150))


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_collapsed_base_returns_the_first_rows(backend: str, metric: Metric) -> None:
    base = np.repeat(gaussian(1, 24), 600, axis=0)
    found = nearest(gaussian(2, 24, 1), base, 10, metric, backend=backend)
    assert found.indices.tolist() == [list(range(10))] * 2


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_tiles_and_backends_give_the_same_bits(metric: Metric) -> None:
    base, queries = gaussian(900, 40), gaussian(60, 40, 1)
    wanted = nearest(queries, base, 30, metric, backend="torch")
    for query_tile, base_tile in [(1, 900), (7, 64), (60, 1)]:
        found = nearest(
            queries,
            base,
            30,
            metric,
            backend="torch",
            query_tile=query_tile,
            base_tile=base_tile,
        )
        assert np.array_equal(found.indices, wanted.indices)
        assert np.array_equal(found.distances, wanted.distances)
    pytest.importorskip("faiss")
    found = nearest(queries, base, 30, metric, backend="faiss")
    assert np.array_equal(found.indices, wanted.indices)
    assert np.array_equal(found.distances, wanted.distances)


def test_an_incomplete_proposal_is_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without spare candidates a tie at rank k can only be settled by a further search."""
    monkeypatch.setattr(neighbors, "SPARE", 0)
    base = np.repeat(gaussian(3, 6), 100, axis=0)[::-1].copy()
    queries = gaussian(4, 6, 1)
    found = nearest(queries, base, 5, backend="torch", base_tile=32)
    assert np.array_equal(found.indices, oracle(queries, base, 5, "l2")[0])


def test_one_long_row_does_not_spoil_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound uses the norms of rows that can be near, not the largest of all."""
    monkeypatch.setattr(screening.Screen, "within", None)
    base, queries = gaussian(2000, 16), gaussian(10, 16, 1)
    base[7] = 1e5
    found = nearest(queries, base, 10, backend="torch")
    assert np.array_equal(found.indices, oracle(queries, base, 10, "l2")[0])


def test_tiny_values_are_not_lost_to_underflow(backend: str) -> None:
    base, queries = gaussian(300, 5) * np.float32(1e-30), gaussian(3, 5, 1) * np.float32(1e-30)
    for metric in ("l2", "cosine"):
        found = nearest(queries, base, 10, metric, backend=backend)
        assert np.array_equal(found.indices, oracle(queries, base, 10, metric)[0])


def test_reduced_precision_of_the_caller_changes_nothing() -> None:
    base, queries = gaussian(500, 64), gaussian(9, 64, 1)
    wanted = nearest(queries, base, 12, backend="torch")
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        found = nearest(queries, base, 12, backend="torch")
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    assert np.array_equal(found.indices, wanted.indices)


def test_no_queries_give_no_rows(backend: str) -> None:
    found = nearest(np.empty((0, 3), np.float32), gaussian(5, 3), 2, backend=backend)
    assert found.indices.shape == found.distances.shape == (0, 2)


def test_read_only_float64_input_is_taken() -> None:
    base = gaussian(20, 3).astype(np.float64)
    base.flags.writeable = False
    assert nearest(base, base, 1).indices[:, 0].tolist() == list(range(20))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 6}, "k = 6 neighbours were requested of 5 base vectors: choose k in 1…5"),
        ({"k": 0}, "k = 0 neighbours"),
        ({"queries": np.ones((2, 4), np.float32)}, "queries have 4 dimensions and base vectors 3"),
        ({"queries": np.ones(3, np.float32)}, r"take a matrix .* got shape \[3\]"),
        ({"metric": "dot"}, "no metric 'dot': choose one of l2, cosine"),
        ({"backend": "annoy"}, "no backend 'annoy'"),
        ({"base_tile": 0}, "at least 1"),
    ],
)
def test_wrong_calls_say_what_to_do(change: dict[str, object], message: str) -> None:
    call = {"queries": gaussian(2, 3), "base": gaussian(5, 3), "k": 2} | change
    with pytest.raises(ImprintError, match=message):
        nearest(**call)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_is_named(value: float) -> None:
    base = gaussian(5, 3)
    base[3, 1] = value
    with pytest.raises(ImprintError, match="base vector 3 holds NaN or infinity"):
        nearest(gaussian(2, 3), base, 1)
    with pytest.raises(ImprintError, match="query 3 holds NaN or infinity"):
        nearest(base, gaussian(2, 3), 1)


def test_values_beyond_squares_in_float32_are_refused() -> None:
    with pytest.raises(ImprintError, match="base vector 1 is longer than"):
        nearest(np.float32([[0.0]]), np.float32([[1], [1e20]]), 1)
