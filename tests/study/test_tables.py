import datetime

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

from imprint.core.errors import ImprintError
from imprint.study import tables
from imprint.study.tables import (
    column_meanings,
    positions_of,
    read_table,
    write_table,
    writing_table,
)


def test_columns_come_back_as_they_were(tmp_path):
    columns = {
        "index": np.array([4, 2, 9]),
        "score": np.array([0.5, np.nan, -1.0]),
        "embedding": np.arange(6, dtype=np.float32).reshape(3, 2),
        "hit": np.array([True, False, True]),
    }
    write_table(tmp_path / "t.parquet", columns)
    found = read_table(tmp_path / "t.parquet")
    assert list(found) == list(columns)
    for name, column in columns.items():
        assert np.array_equal(found[name], column, equal_nan=column.dtype.kind == "f")
        assert found[name].dtype == column.dtype


def test_the_same_columns_give_the_same_bytes(tmp_path):
    columns = {"index": np.arange(100), "x": np.linspace(0, 1, 100)}
    for name in ("a", "b"):
        write_table(tmp_path / name, columns)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_tables_start_with_index_and_have_one_length(tmp_path):
    with pytest.raises(ValueError, match="first column"):
        write_table(tmp_path / "t", {"score": np.zeros(2)})
    with pytest.raises(ValueError, match="different lengths"):
        write_table(tmp_path / "t", {"index": np.arange(2), "score": np.zeros(3)})


def test_bad_files_are_named(tmp_path):
    with pytest.raises(ImprintError, match="no table at"):
        read_table(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"not parquet at all")
    with pytest.raises(ImprintError, match=r"bad\.parquet is damaged or not a Parquet table"):
        read_table(tmp_path / "bad.parquet")


def test_positions_join_on_index():
    index = np.array([7, 3, 5])
    assert positions_of(index, np.array([5, 7, 7]), "rows").tolist() == [2, 0, 0]
    with pytest.raises(ImprintError, match="rows: no row for index 4"):
        positions_of(index, np.array([3, 4]), "rows")


@pytest.mark.parametrize(
    "values",
    [
        [None, 1],
        [[1], [2]],
        [{"a": 1}, {"a": 2}],
        [b"x", b"y"],
        [datetime.datetime(2020, 1, 1)] * 2,
        [None, None],
    ],
)
def test_columns_that_no_step_writes_are_refused(tmp_path, values):
    """An edited table would otherwise fail wherever a page first computes with it."""
    parquet.write_table(pyarrow.table({"index": [0, 1], "a": values}), tmp_path / "t.parquet")
    with pytest.raises(ImprintError, match=r"t.parquet is damaged or not a Parquet table \(a col"):
        read_table(tmp_path / "t.parquet")


def test_a_column_that_a_file_lacks_is_named(tmp_path):
    write_table(tmp_path / "t.parquet", {"index": np.arange(2)})
    with pytest.raises(ImprintError, match=r"t\.parquet has no column 'score': delete"):
        read_table(tmp_path / "t.parquet")["score"]


def test_meanings_stand_in_the_file_and_change_no_value(tmp_path) -> None:
    columns = {"index": np.arange(3), "score": np.array([0.5, 1.0, -2.0])}
    write_table(tmp_path / "t.parquet", columns, {"score": "signed; above 0: more"})
    assert column_meanings(tmp_path / "t.parquet") == {"score": "signed; above 0: more"}
    np.testing.assert_array_equal(read_table(tmp_path / "t.parquet")["score"], columns["score"])
    with pytest.raises(ImprintError, match="no table"):
        column_meanings(tmp_path / "u.parquet")
    (tmp_path / "u.parquet").write_text("no table")
    with pytest.raises(ImprintError, match="damaged"):
        column_meanings(tmp_path / "u.parquet")


def test_rows_written_in_blocks_give_the_bytes_of_one_write(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "GROUP_BYTES", 7 * 16)
    random = np.random.default_rng(0)
    columns = {"index": np.arange(40), "x": random.random((40, 1))}
    write_table(tmp_path / "whole", columns)
    for size in (1, 7, 11, 40):
        with writing_table(tmp_path / f"{size}") as write:
            for start in range(0, 40, size):
                write({name: values[start : start + size] for name, values in columns.items()})
        assert (tmp_path / f"{size}").read_bytes() == (tmp_path / "whole").read_bytes()
    assert parquet.ParquetFile(tmp_path / "whole").num_row_groups == 6
    assert np.array_equal(read_table(tmp_path / "whole")["x"], columns["x"])


def test_a_write_that_fails_leaves_the_table_that_was_there(tmp_path):
    write_table(tmp_path / "t", {"index": np.arange(3)})
    with pytest.raises(ValueError, match="different lengths"), writing_table(tmp_path / "t") as w:
        _ = w({"index": np.arange(2)}), w({"index": np.arange(2), "x": np.arange(3)})
    assert read_table(tmp_path / "t")["index"].tolist() == [0, 1, 2]
    assert [file.name for file in tmp_path.iterdir()] == ["t"]


def test_chosen_columns_alone_are_read(tmp_path):
    write_table(tmp_path / "t", {"index": np.arange(3), "x": np.ones(3), "y": np.zeros((3, 2))})
    assert list(read_table(tmp_path / "t", ["y", "index"])) == ["index", "y"]


def test_empty_tables_keep_shapes_and_types(tmp_path):
    columns = {"index": np.arange(0), "x": np.zeros((0, 3), dtype=np.float32)}
    write_table(tmp_path / "t", columns)
    table = read_table(tmp_path / "t")
    assert table["x"].shape == (0, 3)
    assert table["x"].dtype == np.float32


def test_missing_values_inside_vectors_are_refused(tmp_path):
    column = pyarrow.array([[1.0, None]], type=pyarrow.list_(pyarrow.float64(), 2))
    parquet.write_table(pyarrow.table({"index": [0], "x": column}), tmp_path / "t")
    with pytest.raises(ImprintError, match="missing values"):
        read_table(tmp_path / "t")
