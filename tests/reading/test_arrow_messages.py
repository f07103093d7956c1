import numpy as np
import pyarrow as pa
import pytest

from imprint.core.errors import ImprintError
from imprint.reading.arrow_files import map_arrow
from imprint.reading.arrow_messages import unpacked_sizes

LARGE = 8 << 20


def written(table, codec, as_file=False):
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=codec)
    with (pa.ipc.new_file if as_file else pa.ipc.new_stream)(
        sink, table.schema, options=options
    ) as writer:
        writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
def test_the_size_of_zeros_is_known_before_they_are_unpacked(codec):
    table = pa.table({"a": pa.array([b"\0" * LARGE])})
    (size,) = unpacked_sizes(written(table, codec))
    assert LARGE <= size <= LARGE + 64
    assert list(unpacked_sizes(written(table, None))) == [0]


def test_dictionaries_are_batches_of_their_own():
    values = pa.array([b"\0" * LARGE]).dictionary_encode()
    sizes = list(unpacked_sizes(written(pa.table({"a": values}), "zstd")))
    assert len(sizes) == 2
    assert sizes[0] >= LARGE > 64 >= sizes[1]


@pytest.mark.parametrize("as_file", [True, False])
def test_a_small_file_that_unpacks_to_much_is_refused_unread(tmp_path, as_file):
    table = pa.table({"a": pa.array([b"\0" * LARGE])})
    (tmp_path / "a.arrow").write_bytes(written(table, "zstd", as_file))
    _, _, batches = map_arrow(tmp_path / "a.arrow")
    before = pa.total_allocated_bytes()
    with pytest.raises(ImprintError, match="of which a batch unpacks to 8,388"):
        next(batches)
    assert pa.total_allocated_bytes() - before < LARGE


@pytest.mark.parametrize("as_file", [True, False])
@pytest.mark.parametrize("codec", ["zstd", None])
def test_what_is_packed_as_usual_is_read(tmp_path, as_file, codec):
    values = np.random.default_rng(0).bytes(1000)
    table = pa.table({"a": [values, b""], "b": [1, 2]})
    (tmp_path / "a.arrow").write_bytes(written(table, codec, as_file))
    _, schema, batches = map_arrow(tmp_path / "a.arrow")
    assert pa.Table.from_batches(batches, schema).equals(table)
