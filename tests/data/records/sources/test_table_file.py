"""Tables in files: which columns count, and what is refused."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imprint.core.errors import ImprintError
from imprint.data.records.open_records import as_records
from imprint.data.records.sources import table_file

CSV = "age,size,site,kind\n1,0.5,north,cat\n2,,south,dog\n3,1.5,north,cat\n"


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(CSV)
    return path


def test_last_column_is_the_target(csv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = as_records(csv, groups="site")
    assert records.classes == ("cat", "dog")
    assert records.inputs.read(np.arange(3))[[0, 2]].tolist() == [[1, 0.5], [3, 1.5]]
    assert np.isnan(records.inputs.read(np.array([1]))[0, 1])
    assert records.groups is not None
    assert records.groups.tolist() == ["north", "south", "north"]
    assert "last column, 'kind'" in capsys.readouterr().err


def test_named_target_and_targets_apart(csv: Path) -> None:
    with pytest.raises(ImprintError, match="column 'kind' holds text"):
        as_records(csv, "age", groups="site")
    path = csv.with_name("n.csv")
    path.write_text("a,y,b\n1,0,2\n3,1,4\n")
    named = as_records(path, "y")
    assert named.inputs.read(np.arange(2)).tolist() == [[1, 2], [3, 4]]
    assert as_records(path).classes == ("0", "1")
    assert as_records(path, [0, 1]).inputs.shape == (3,)


def test_parquet_with_a_column_of_lists(tmp_path: Path) -> None:
    table = pa.table({"input_ids": [[1, 2], [3, 4]], "label": [1, 0]})
    pq.write_table(table, tmp_path / "t.parquet")
    records = as_records(tmp_path / "t.parquet")
    assert records.inputs.read(np.arange(2)).tolist() == [[1, 2], [3, 4]]
    assert records.inputs.dtype == np.int64


def test_parquet_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq.write_table(
        pa.table({"a": np.zeros(10**6), "y": np.zeros(10**6, int)}), tmp_path / "t.parquet"
    )
    assert (tmp_path / "t.parquet").stat().st_size < 10**5
    monkeypatch.setattr(table_file, "MAX_DENSE_BYTES", 10**6)
    with pytest.raises(ImprintError, match="bytes when read"):
        as_records(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", b"", "damaged or no CSV table"),
        ("t.csv", b"a,b\n1,2\n3\n", "damaged or no CSV table"),
        ("t.csv", b"a,a,y\n1,2,3\n", "two columns 'a'"),
        ("t.csv", b"a,y\n", "there are no records"),
        ("t.csv", b"y\n1\n", "no column of inputs"),
        ("t.csv", b"," * 200_000, "more than 100000 columns"),
        ("t.csv", b"a,when,y\n1,2020-01-01,0\n", "neither numbers nor text"),
        ("t.csv", b"a\xff,y\n1,0\n", "is damaged"),
        ("t.parquet", b"PAR1PAR1", "damaged or no PARQUET table"),
    ],
)
def test_bad_tables_are_one_sentence(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImprintError, match=said) as caught:
        as_records(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_large_and_missing_files(csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImprintError, match="cannot read"):
        as_records(csv.with_name("none.csv"))
    monkeypatch.setattr(table_file, "MAX_DENSE_BYTES", 10)
    with pytest.raises(ImprintError, match="more than 10"):
        as_records(csv)


def test_ragged_lists_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [[1], [2, 3]], "y": [0, 1]}), tmp_path / "t.parquet")
    with pytest.raises(ImprintError, match="several lengths: pad them"):
        as_records(tmp_path / "t.parquet")
