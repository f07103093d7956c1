from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.large.panel_cholesky import PanelCholesky
from imprint.lenses.leave_one_out.large.panels import (
    CACHE_LINE,
    FilePanels,
    MemoryPanels,
    Shape,
    aligned,
    kept_width,
)


def positive(size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(size)
    half = torch.randn(size, size + 3, generator=generator, dtype=torch.float64)
    return half @ half.T / size + 0.1 * torch.eye(size)


def part_of(matrix):
    return lambda rows, columns: matrix[rows, columns].clone()


ALLOCATE = torch.empty


def shifted(values: torch.Tensor, by: int) -> torch.Tensor:
    """A copy that starts ``by`` bytes into a cache line."""
    item = values.element_size()
    buffer = ALLOCATE(values.numel() + 2 * CACHE_LINE // item, dtype=values.dtype)
    skip = (-buffer.data_ptr() % CACHE_LINE + by) // item
    return buffer[skip : skip + values.numel()].view(values.shape).copy_(values)


class ShiftedPanels(MemoryPanels):
    """Panels that start 8 bytes into a cache line."""

    def write(self, panel):
        super().write(shifted(panel, 8))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_disk_and_memory_agree_to_the_last_bit(tmp_path, monkeypatch, dtype):
    """Wherever panels, right sides and what the allocator returns start in a cache line."""
    matrix, shape = positive(133), Shape(133, 29, dtype)
    right = torch.randn(133, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    results = []

    def factored(panels, right):
        factor = PanelCholesky(panels, part_of(matrix), 1.0)
        results.append([*factor.diagonal(), factor.solve(right)])

    factored(MemoryPanels(shape), right)
    factored(FilePanels(tmp_path, shape, {}), right)
    factored(ShiftedPanels(shape), shifted(right, 8))
    for by in (8, 24, 48):
        monkeypatch.setattr(torch, "empty", lambda *a, by=by, **k: shifted(ALLOCATE(*a, **k), by))
        factored(MemoryPanels(shape), right)
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def test_blocks_start_with_a_cache_line():
    for dtype in (torch.float32, torch.float64):
        for rows, columns in ((1, 1), (7, 3), (64, 5)):
            values = aligned(rows, columns, dtype, torch.device("cpu"))
            assert values.shape == (rows, columns)
            assert values.is_contiguous()
            assert values.data_ptr() % CACHE_LINE == 0


def test_a_factor_of_something_else_is_not_taken_over(tmp_path):
    shape = Shape(10, 4, torch.float32)
    PanelCholesky(FilePanels(tmp_path, shape, {"noise": 1.0}), part_of(positive(10)), 1.0)
    with pytest.raises(ImprintError, match="another fit"):
        FilePanels(tmp_path, shape, {"noise": 2.0})
    with pytest.raises(ImprintError, match="another fit"):
        FilePanels(tmp_path, Shape(10, 5, torch.float32), {"noise": 1.0})
    data = tmp_path / "panels.bin"
    data.write_bytes(data.read_bytes()[:-4])
    with pytest.raises(ImprintError, match="cut short"):
        FilePanels(tmp_path, shape, {"noise": 1.0})


def test_a_small_disk(tmp_path, monkeypatch):
    """Panels of 4, 4 and 2 columns are 4 · (40 + 24 + 4) bytes."""
    shape = Shape(10, 4, torch.float32)
    for free, fails in ((271, True), (272, False)):
        monkeypatch.setattr("shutil.disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        with pytest.raises(ImprintError, match="lacks room") if fails else nullcontext():
            FilePanels(tmp_path, shape, {})


def test_every_panel_is_hashed_and_verified(tmp_path):
    shape = Shape(10, 4, torch.float32)
    assert kept_width(tmp_path) is None
    PanelCholesky(FilePanels(tmp_path, shape, {}), part_of(positive(10)), 1.0)
    assert kept_width(tmp_path) == 4
    panels = FilePanels(tmp_path, shape, {})
    panels.verify()
    content = bytearray((tmp_path / "panels.bin").read_bytes())
    content[4 * 40 + 5] ^= 1
    (tmp_path / "panels.bin").write_bytes(content)
    with pytest.raises(ImprintError, match="is damaged in panel 1: delete its folder"):
        panels.verify()
