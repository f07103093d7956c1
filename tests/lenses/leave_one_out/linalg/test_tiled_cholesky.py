"""The factor, its inverse and products in tiles: LAPACK's values, with the same bytes whoever
shares the tiles."""

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.large.panel_cholesky import PanelCholesky
from imprint.lenses.leave_one_out.large.panels import MemoryPanels, Shape
from imprint.lenses.leave_one_out.linalg import tiled_cholesky
from imprint.lenses.leave_one_out.linalg.threads import one_thread_a_sum
from imprint.lenses.leave_one_out.linalg.tiled_cholesky import (
    SMALLEST,
    TILE,
    add_product,
    cholesky,
    cholesky_inverse,
    divide_rows,
    multiply,
    substitute,
)
from imprint.lenses.leave_one_out.posterior.posterior import fit


def positive(size: int) -> torch.Tensor:
    half = noise(size, size + 3, seed=size)
    return half @ half.T / size + 0.1 * torch.eye(size)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def relative_error(value: torch.Tensor, truth: torch.Tensor) -> float:
    return float((value - truth).norm() / truth.norm())


@pytest.fixture
def small_tiles(monkeypatch):
    """Tiles of 8, so that small matrices have many, and strips of two tiles."""
    for name, value in (("TILE", 8), ("STRIP", 16), ("SMALLEST", 9)):
        monkeypatch.setattr(tiled_cholesky, name, value)


def with_threads(count, work):
    threads = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        with one_thread_a_sum():
            return work()
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("size", [1, 7, 8, 9, 16, 17, 40, 61])
@pytest.mark.parametrize("threads", [1, 3])
def test_agrees_with_lapack_at_any_size(small_tiles, size, threads):
    matrix = positive(size)
    above = torch.ones_like(matrix).triu(1).bool()
    factor = matrix.masked_fill(above, torch.nan)  # only the lower triangle is read
    assert with_threads(threads, lambda: cholesky(factor)) == 0
    truth = torch.linalg.cholesky(matrix)
    assert relative_error(factor, truth) < 1e-12
    assert torch.equal(factor, factor.tril())
    result = with_threads(threads, lambda: cholesky_inverse(factor))
    assert relative_error(result, torch.cholesky_inverse(truth)) < 1e-12
    assert torch.equal(result, result.T)


@pytest.mark.parametrize(("rows", "columns", "inner"), [(1, 1, 1), (8, 1, 30), (21, 17, 9)])
def test_products_and_substitutions_agree_with_lapack(small_tiles, rows, columns, inner):
    left, right, start = noise(rows, inner), noise(inner, columns), noise(rows, columns, seed=1)
    result = start.clone()
    add_product(result, left, right, -2)
    assert relative_error(result, start - 2 * left @ right) < 1e-13
    assert relative_error(multiply(left, right), left @ right) < 1e-13
    add_product(transposed := start.T.clone(), right.T, left.T)
    assert relative_error(transposed, (start + left @ right).T) < 1e-13
    factor = torch.linalg.cholesky(positive(inner))
    solved = torch.linalg.solve_triangular(factor, right, upper=False)
    assert relative_error(substitute(factor, right), solved) < 1e-12
    divided = right.T.clone()
    divide_rows(divided, factor)
    assert relative_error(divided, solved.T) < 1e-12


def test_nothing_to_add_or_solve():
    empty = torch.zeros(0, 3).double()
    divide_rows(empty, torch.eye(3).double())
    assert substitute(torch.eye(3).double(), empty.T).shape == (3, 0)
    assert multiply(empty, torch.eye(3).double()).shape == (0, 3)


def test_bytes_do_not_depend_on_threads():
    """More rows than SMALLEST, in tiles that are not all full."""
    size = SMALLEST + TILE + 77
    matrix, right = positive(size), noise(size, TILE + 3)

    def work():
        factor = matrix.clone()
        assert cholesky(factor) == 0
        solved = substitute(factor, right)
        return factor, cholesky_inverse(factor), solved, multiply(matrix, right)

    one, two, three = (with_threads(count, work) for count in (1, 2, 3))
    assert all(map(torch.equal, one, two))
    assert all(map(torch.equal, one, three))
    truth = torch.linalg.cholesky(matrix)
    assert relative_error(one[0], truth) < 1e-12
    assert relative_error(one[1], torch.cholesky_inverse(truth)) < 1e-12


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_panels_do_not_depend_on_threads(dtype):
    """Two panels wider than two tiles, and what is solved with them."""
    size, width = 3 * TILE + 100, 2 * TILE + 40
    matrix, right = positive(size), noise(size, 5)

    def work():
        panels = MemoryPanels(Shape(size, width, dtype))
        factor = PanelCholesky(panels, lambda rows, columns: matrix[rows, columns].clone(), 0.1)
        return *factor.diagonal(), factor.solve(right)

    one, two, three = (with_threads(count, work) for count in (1, 2, 3))
    assert all(map(torch.equal, one, two))
    assert all(map(torch.equal, one, three))
    tolerance = 1e-12 if dtype == torch.float64 else 1e-3
    assert relative_error(one[2], torch.linalg.solve(matrix, right)) < tolerance


@pytest.mark.parametrize("row", [0, 7, 8, 29, 39])
def test_the_first_row_that_is_not_positive_definite_is_named(small_tiles, row):
    matrix = positive(40)
    matrix[row, row] = -1
    assert cholesky(matrix.clone()) == row + 1 == int(torch.linalg.cholesky_ex(matrix)[1])
    with pytest.raises(ImprintError, match=f"not positive definite from row {row} on"):
        fit(matrix, torch.ones(40, 1).double(), 1e-6)
