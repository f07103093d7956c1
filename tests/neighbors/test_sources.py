import numpy as np
import pytest

from imprint.core.errors import ImprintError
from imprint.neighbors import sources
from imprint.neighbors.sources import ArraySource, NpySource, TableSource
from imprint.study import tables
from imprint.study.tables import write_table

VECTORS = np.random.default_rng(0).standard_normal((23, 3)).astype(np.float32)


@pytest.fixture(params=["array", "npy", "table"])
def source(request, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "BLOCK_BYTES", 4 * 3 * 4)
    monkeypatch.setattr(tables, "GROUP_BYTES", 7 * 20)
    if request.param == "array":
        return ArraySource(VECTORS)
    if request.param == "npy":
        np.save(tmp_path / "v.npy", VECTORS)
        return NpySource(tmp_path / "v.npy")
    write_table(tmp_path / "v.parquet", {"index": np.arange(23), "v": VECTORS})
    return TableSource(tmp_path / "v.parquet", "v")


def test_blocks_hold_all_rows_in_order_and_few_at_a_time(source) -> None:
    assert source.shape == (23, 3)
    parts = list(source.blocks())
    assert max(len(block) for _, block in parts) <= 4
    assert [start for start, _ in parts] == np.cumsum([0, *map(len, (b for _, b in parts))])[
        :-1
    ].tolist()
    assert np.array_equal(np.concatenate([block for _, block in parts]), VECTORS)


@pytest.mark.parametrize("rows", [[0], [22], [1, 2, 3, 9, 10, 21], list(range(23)), []])
def test_chosen_rows_come_back(source, rows) -> None:
    chosen = np.array(rows, dtype=np.int64)
    gathered = np.full((len(rows), 3), np.nan, dtype=np.float32)
    for part, vectors in source.gather(chosen):
        assert len(vectors) <= 4
        gathered[part] = vectors
    assert np.array_equal(gathered, VECTORS[chosen])


@pytest.mark.parametrize("values", [np.zeros(3), np.zeros((2, 2), dtype=int), np.zeros((2, 0))])
def test_npy_files_of_other_arrays_are_refused(tmp_path, values) -> None:
    np.save(tmp_path / "v.npy", values)
    with pytest.raises(ImprintError, match=r"vectors are floats \[count, dimensions\]"):
        _ = NpySource(tmp_path / "v.npy").shape


def test_damaged_npy_files_are_refused(tmp_path) -> None:
    np.save(tmp_path / "v.npy", VECTORS)
    whole = (tmp_path / "v.npy").read_bytes()
    (tmp_path / "v.npy").write_bytes(whole[:-1])
    with pytest.raises(ImprintError, match="header promises 276 bytes, and 275 follow"):
        _ = NpySource(tmp_path / "v.npy").shape
    np.save(tmp_path / "f.npy", np.asfortranarray(VECTORS))
    with pytest.raises(ImprintError, match="Fortran order"):
        _ = NpySource(tmp_path / "f.npy").shape
    (tmp_path / "v.npy").write_bytes(b"no array")
    with pytest.raises(ImprintError, match=r"not an \.npy file"):
        _ = NpySource(tmp_path / "v.npy").shape


def test_tables_without_the_vectors_are_refused(tmp_path) -> None:
    write_table(tmp_path / "v.parquet", {"index": np.arange(2)})
    with pytest.raises(ImprintError, match="has no column 'v'"):
        _ = TableSource(tmp_path / "v.parquet", "v").shape
    with pytest.raises(ImprintError, match="where vectors stand"):
        _ = TableSource(tmp_path / "v.parquet", "index").shape
