import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imprint.core.errors import ImprintError
from imprint.lenses.leave_one_out.large.panel_cholesky import PanelCholesky
from imprint.lenses.leave_one_out.large.panels import (
    FilePanels,
    MemoryPanels,
    Shape,
)


def positive(size: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(size)
    half = torch.randn(size, size + 3, generator=generator, dtype=torch.float64)
    return half @ half.T / size + 0.1 * torch.eye(size)


def part_of(matrix):
    return lambda rows, columns: matrix[rows, columns].clone()


@given(
    st.integers(1, 40),
    st.integers(1, 45),
    st.sampled_from([torch.float64, torch.float32]),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_against_the_inverse(size, width, dtype, on_disk):
    matrix = positive(size)
    shape = Shape(size, width, dtype)
    with tempfile.TemporaryDirectory() as folder:
        panels = FilePanels(Path(folder), shape, {}) if on_disk else MemoryPanels(shape)
        found = PanelCholesky(panels, part_of(matrix), 0.05)
        inverse = torch.linalg.inv(matrix)
        near = {"rtol": 1e-11, "atol": 1e-12}
        if dtype == torch.float32:
            near = {"rtol": 1e-3, "atol": 1e-3 * float(inverse.abs().max())}
        entries, leverage = found.diagonal()
        torch.testing.assert_close(entries, inverse.diagonal(), **near)
        torch.testing.assert_close(leverage, (1 - 0.05 * inverse.diagonal()).clamp(min=0), **near)
        right = torch.randn(size, 2, dtype=torch.float64)
        torch.testing.assert_close(found.solve(right), inverse @ right, **near)
        kept = [shape.new(at) for at in range(len(shape.columns))]
        for at, columns in enumerate(shape.columns):
            panels.read(at, slice(columns.start, size), kept[at])
        factor = torch.zeros(size, size, dtype=dtype)
        for columns, panel in zip(shape.columns, kept, strict=True):
            factor[columns.start :, columns] = panel
        product = (factor @ factor.T).double() * 0.05
        torch.testing.assert_close(product, matrix, rtol=1e-4, atol=1e-4)
        assert sum(map(torch.numel, kept)) <= size * (size + width) // 2 + width**2


class Interrupted(Exception):
    """The machine went down."""


def failing_after(block, calls):
    left = iter(range(calls))

    def part(rows, columns):
        if next(left, None) is None:
            raise Interrupted
        return block(rows, columns)

    return part


@pytest.mark.parametrize("calls", [0, 3, 9, 14])
def test_goes_on_where_it_stopped(tmp_path, calls):
    """Five panels take 5 + 4 + 3 + 2 + 1 blocks; those of finished panels are not made again."""
    matrix, shape = positive(33), Shape(33, 7, torch.float64)
    whole = PanelCholesky(MemoryPanels(shape), part_of(matrix), 1.0).diagonal()[0]
    with pytest.raises(Interrupted):
        PanelCholesky(FilePanels(tmp_path, shape, {}), failing_after(part_of(matrix), calls), 1.0)
    done = FilePanels(tmp_path, shape, {}).done
    assert done == {0: 0, 3: 0, 9: 2, 14: 4}[calls]
    remaining = failing_after(part_of(matrix), sum(range(1, 6 - done)))
    again = PanelCholesky(FilePanels(tmp_path, shape, {}), remaining, 1.0)
    assert torch.equal(again.diagonal()[0], whole)
    FilePanels(tmp_path, shape, {})
    nothing = failing_after(part_of(matrix), 0)
    assert torch.equal(
        PanelCholesky(FilePanels(tmp_path, shape, {}), nothing, 1.0).diagonal()[0], whole
    )


def test_the_diagonal_goes_on_where_it_stopped(tmp_path, monkeypatch):
    matrix, shape = positive(33), Shape(33, 7, torch.float64)
    found = PanelCholesky(FilePanels(tmp_path, shape, {}), part_of(matrix), 1.0, tmp_path / "d.npy")
    plain = PanelCholesky._squared_lengths
    seen = []

    def until_the_third(self, panel):
        if len(seen) == 2:
            raise Interrupted
        seen.append(panel)
        return plain(self, panel)

    monkeypatch.setattr(PanelCholesky, "_squared_lengths", until_the_third)
    with pytest.raises(Interrupted):
        found.diagonal()
    queried = []
    monkeypatch.setattr(
        PanelCholesky, "_squared_lengths", lambda self, at: queried.append(at) or plain(self, at)
    )
    entries, _ = found.diagonal()
    assert (seen, queried) == ([0, 1], [2, 3, 4])
    torch.testing.assert_close(entries, torch.linalg.inv(matrix).diagonal(), rtol=1e-11, atol=0)


def test_not_positive_definite():
    matrix = positive(12)
    matrix[7, 7] = -1
    with pytest.raises(ImprintError, match="positive definite in float32 from row 7"):
        PanelCholesky(MemoryPanels(Shape(12, 5, torch.float32)), part_of(matrix), 1.0)


def test_a_kernel_of_nothing_has_no_leverage():
    """0.3 is no float32, but 0.3/0.3 is 1."""
    matrix = positive(9)
    matrix[4], matrix[:, 4], matrix[4, 4] = 0, 0, 0.3
    found = PanelCholesky(MemoryPanels(Shape(9, 4, torch.float32)), part_of(matrix), 0.3)
    assert found.diagonal()[1][4] == 0
