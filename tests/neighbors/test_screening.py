import numpy as np
import pytest
import torch

from imprint.neighbors.screening import Screen, divisors, row_norms

CPU = torch.device("cpu")


def screen(base, cosine=False, base_tile=2) -> Screen:
    base = np.asarray(base, dtype=np.float32)
    return Screen(base, row_norms(base), cosine, CPU, use_faiss=False, base_tile=base_tile)


def test_the_best_are_the_lowest_squared_distances_over_all_tiles() -> None:
    scores, rows = screen([[0, 0], [3, 0], [1, 0], [0, 2]]).best(np.zeros((1, 2), np.float32), 3)
    assert rows.tolist() == [[0, 2, 3]]
    assert scores.tolist() == pytest.approx(np.array([[0, 1, 4]]), abs=1e-5)


def test_within_a_limit_are_all_rows_filled_up_with_0() -> None:
    searched = screen([[0, 0], [3, 0], [1, 0]])
    rows, counts = searched.within(np.array([[0, 0], [9, 9]], np.float32), np.array([1.5, 1.0]))
    assert counts.tolist() == [2, 0]
    assert rows[0, :2].tolist() == [0, 2]
    assert rows[1].tolist() == [0, 0]


def test_cosine_scores_are_one_minus_the_cosine() -> None:
    searched = screen([[2, 0], [0, 5], [-1, 0]], cosine=True)
    query = searched.prepare(np.array([[4, 0]], np.float32), np.array([4.0]))
    scores, rows = searched.best(query, 3)
    assert rows.tolist() == [[0, 1, 2]]
    assert scores[0].tolist() == pytest.approx([0, 1, 2], abs=1e-6)


def test_scores_are_within_their_error_of_the_exact_distances() -> None:
    draw = np.random.default_rng(0)
    base = draw.normal(size=(40, 16)).astype(np.float32)
    queries = draw.normal(size=(5, 16)).astype(np.float32)
    searched = screen(base, base_tile=7)
    scores, rows = searched.best(searched.prepare(queries, row_norms(queries)), 3)
    exact = np.square(base[rows].astype(float) - queries[:, None].astype(float)).sum(axis=2)
    assert (np.abs(scores - exact) <= searched.error(queries, scores[:, -1])[:, None]).all()


def test_lengths_and_their_divisors() -> None:
    norms = row_norms(np.array([[3, 4], [0, 0]], np.float32))
    assert norms.tolist() == [5.0, 0.0]
    assert divisors(norms).tolist() == [5.0, 1.0]
