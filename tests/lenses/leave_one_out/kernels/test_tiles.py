import numpy as np
import torch
from torch import Tensor

from imprint.lenses.leave_one_out.kernels.tiles import Footprint, PreparedInputs, gram, tile_pairs


def test_a_symmetric_matrix_computes_each_tile_once() -> None:
    seen: list[tuple[int, int]] = []

    def pairs(rows: PreparedInputs, columns: PreparedInputs) -> Tensor:
        seen.append((len(rows), len(columns)))
        return rows.inputs @ columns.inputs.T

    x = torch.from_numpy(np.random.default_rng(0).normal(size=(1000, 3)))
    matrix = gram(pairs, PreparedInputs(x), None, Footprint())
    torch.testing.assert_close(matrix, x @ x.T, rtol=1e-14, atol=1e-15)
    assert sum(rows * columns for rows, columns in seen) < 0.6 * 1000**2


def test_tiles_stay_within_the_memory_allowed() -> None:
    gpu = torch.device("cuda")
    assert tile_pairs(Footprint(1, 1, 1), gpu, 48 * 1000) == 1000
    assert tile_pairs(Footprint(10, 2, 1), gpu, 48 * 1000) == 100
    assert tile_pairs(Footprint(10**6, 1, 1), gpu, 48 * 1000) == 1
    assert tile_pairs(Footprint(), torch.device("cpu"), 1 << 40) < 1 << 24
