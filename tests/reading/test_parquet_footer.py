"""The footer of Parquet files against what pyarrow says of them; damaged footers."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from imprint.core.errors import ImprintError
from imprint.reading.parquet_footer import row_groups


def written(file, **settings):
    rows = [{"bytes": bytes([row]) * 50, "path": f"{row}.jpg"} for row in range(10)]
    table = pa.table({"image": rows, "label": [row % 3 for row in range(10)], "x": [[1.5]] * 10})
    parquet.write_table(table, file, row_group_size=4, **settings)
    return file


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip"])
@pytest.mark.parametrize("dictionary", [True, False])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_facts_are_those_of_pyarrow(tmp_path, compression, dictionary, version):
    file = written(
        tmp_path / "a.parquet",
        compression=compression,
        use_dictionary=dictionary,
        data_page_version=version,
        write_page_index=dictionary,
    )
    metadata = parquet.ParquetFile(file).metadata
    groups = row_groups(file)
    assert len(groups) == metadata.num_row_groups == 3
    for number, group in enumerate(groups):
        oracle = metadata.row_group(number)
        assert group.rows == oracle.num_rows
        assert list(group.chunks) == [
            oracle.column(place).path_in_schema for place in range(oracle.num_columns)
        ]
        for place, chunk in enumerate(group.chunks.values()):
            column = oracle.column(place)
            assert chunk.values == column.num_values
            assert chunk.whole == column.total_uncompressed_size
            assert chunk.packed == column.total_compressed_size
            assert chunk.start == column.data_page_offset
            plain = column.compression == "UNCOMPRESSED" and not column.has_dictionary_page
            assert chunk.is_plain == plain


@pytest.mark.parametrize("content", [b"", b"PAR1", b"x" * 100, b"\xff\xff\xff\x7fPAR1"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(ImprintError, match="is no Parquet file, or cut short"):
        row_groups(tmp_path / "a.parquet")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_footers_end_in_facts_or_one_sentence(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("footers")
    content = bytearray(written(folder / "a.parquet").read_bytes())
    size = int.from_bytes(content[-8:-4], "little")
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(len(content) - 8 - size, len(content) - 1))] = data.draw(
            st.integers(0, 255)
        )
    (folder / "b.parquet").write_bytes(content)
    try:
        groups = row_groups(folder / "b.parquet")
    except ImprintError:
        return
    assert all(group.rows >= 0 for group in groups)
