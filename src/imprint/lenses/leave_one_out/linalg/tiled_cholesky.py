"""Cholesky factor, inverse, products and substitutions in tiles that cores share.

LAPACK and BLAS add in an order that depends on the number of threads. Here a matrix is cut into
tiles of a fixed size, every tile of a result is made by one thread
(:mod:`imprint.lenses.leave_one_out.linalg.threads`), and threads take whichever is next: the
same bytes with any number of them.

The factor is made from left to right, column of tiles by column of tiles (Golub, Van Loan, "Matrix
computations", 4th edition, section 4.2.9): the tile on the diagonal is factored, those below it are
solved for, and what they say is subtracted from all tiles to the right. Of the inverse R = L⁻ᵀL⁻¹,
first every column of tiles of L⁻¹, then every tile of R is made for itself.

On a GPU, and below ``SMALLEST`` rows, a matrix is one tile.
"""

from __future__ import annotations

import torch
from torch import Tensor

from imprint.lenses.leave_one_out.linalg.threads import blocks, in_parallel, mirrored

TILE = 256
"""Rows and columns: a product of two tiles takes 0.5 ms of a core, its call 0.007 ms."""
STRIP = 4 * TILE
"""Columns updated in one product of the factor: a quarter of the calls, as fast."""
SMALLEST = 4 * TILE
"""Rows from which a matrix is cut: with fewer tiles, cores wait for the one on the diagonal."""


def cholesky(matrix: Tensor) -> int:
    """Overwrite a positive definite A, of which the lower triangle is read, with L, A = LLᵀ.

    >>> matrix = torch.tensor([[4.0, 2.0], [2.0, 5.0]])
    >>> cholesky(matrix), matrix.tolist()
    (0, [[2.0, 0.0], [1.0, 2.0]])

    Args:
        matrix: A, ``[n, n]``; undefined afterwards if the return value is not 0.

    Returns:
        0, or the order of the first leading minor that is not positive.
    """
    for columns in _tiles(matrix):
        corner, failed = torch.linalg.cholesky_ex(matrix[columns, columns])
        if int(failed):
            order: int = columns.start + int(failed)
            return order
        matrix[columns, columns] = corner
        divide_rows(matrix[columns.stop :, columns], corner)
        _subtract_squared(matrix, columns)
    matrix.tril_()
    return 0


def cholesky_inverse(factor: Tensor) -> Tensor:
    """Return R = (LLᵀ)⁻¹, ``[n, n]``, symmetric to the last bit.

    Args:
        factor: L, ``[n, n]``, with zeros above the diagonal.
    """
    tiles = _tiles(factor)
    if len(tiles) == 1:
        return torch.cholesky_inverse(factor)
    result = torch.empty_like(factor, memory_format=torch.contiguous_format)
    in_parallel(lambda column: _invert_column(factor, result, tiles, column), range(len(tiles)))
    # L⁻¹ lies in the lower triangle and on the diagonal, so R is first put above them.
    diagonal: dict[int, Tensor] = {}
    pairs = [(row, column) for row in range(len(tiles)) for column in range(row + 1)]

    def fill(pair: int) -> None:
        row, column = pairs[pair]
        rows, columns = tiles[row], tiles[column]
        product = result[rows.start :, columns].T @ result[rows.start :, rows]
        if row == column:
            diagonal[row] = mirrored(product)
        else:
            result[columns, rows] = product

    def mirror(row: int) -> None:
        rows = tiles[row]
        result[rows, rows] = diagonal[row]
        result[rows, : rows.start] = result[: rows.start, rows].T

    in_parallel(fill, range(len(pairs)))
    in_parallel(mirror, range(len(tiles)))
    return result


def add_product(result: Tensor, left: Tensor, right: Tensor, scale: float = 1) -> None:
    """Add ``scale`` · ``left`` · ``right`` to ``result`` ``[r, c]``, tile by tile."""
    tiles = [
        (rows, columns)
        for rows in _cut(len(result), result)
        for columns in _cut(result.shape[1], result)
    ]

    def add(tile: int) -> None:
        rows, columns = tiles[tile]
        result[rows, columns].addmm_(left[rows], right[:, columns], alpha=scale)

    in_parallel(add, range(len(tiles)))


def multiply(left: Tensor, right: Tensor) -> Tensor:
    """Return ``left`` · ``right``, ``[r, c]``, tile by tile."""
    result = left.new_zeros(len(left), right.shape[1])
    add_product(result, left, right)
    return result


def divide_rows(rows: Tensor, factor: Tensor) -> None:
    """Overwrite B ``[r, n]`` with BL⁻ᵀ, some rows at a time."""
    parts = _cut(len(rows), rows)

    def divide(part: int) -> None:
        tile = rows[parts[part]]
        tile.copy_(torch.linalg.solve_triangular(factor.T, tile, upper=True, left=False))

    in_parallel(divide, range(len(parts)))


def substitute(factor: Tensor, right: Tensor) -> Tensor:
    """Return L⁻¹B for B ``[n, c]``, some columns at a time."""
    result = torch.empty_like(right, memory_format=torch.contiguous_format)
    parts = _cut(right.shape[1], right)

    def solve(part: int) -> None:
        tile = right[:, parts[part]]
        result[:, parts[part]] = torch.linalg.solve_triangular(factor, tile, upper=False)

    in_parallel(solve, range(len(parts)))
    return result


def _tiles(matrix: Tensor) -> list[slice]:
    """Return the tiles along a side of a square matrix; one if cutting does not pay."""
    if len(matrix) < SMALLEST:
        return [slice(0, len(matrix))]
    return _cut(len(matrix), matrix)


def _cut(size: int, like: Tensor) -> list[slice]:
    """Return the tiles along a side of some length; one on a GPU."""
    return blocks(size, TILE if like.device.type == "cpu" else max(size, 1))


def _subtract_squared(matrix: Tensor, columns: slice) -> None:
    """Subtract L_·k L_·kᵀ from the lower triangle right of the column of tiles k."""
    below = [
        slice(columns.stop + rows.start, columns.stop + rows.stop)
        for rows in blocks(len(matrix) - columns.stop, TILE)
    ]
    strips = [
        (rows, slice(start, min(start + STRIP, rows.stop)))
        for rows in below
        for start in range(columns.stop, rows.stop, STRIP)
    ]

    def subtract(strip: int) -> None:
        rows, across = strips[strip]
        matrix[rows, across].addmm_(matrix[rows, columns], matrix[across, columns].T, alpha=-1)

    in_parallel(subtract, range(len(strips)))


def _invert_column(factor: Tensor, result: Tensor, tiles: list[slice], column: int) -> None:
    """Write one column of tiles of L⁻¹, from the diagonal downwards."""
    columns = tiles[column]
    unit = torch.eye(columns.stop - columns.start, dtype=factor.dtype)
    for rows in tiles[column:]:
        right = unit
        if rows != columns:
            known = slice(columns.start, rows.start)
            right = -(factor[rows, known] @ result[known, columns])
        corner = factor[rows, rows]
        result[rows, columns] = torch.linalg.solve_triangular(corner, right, upper=False)
