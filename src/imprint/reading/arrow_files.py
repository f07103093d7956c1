"""Arrow and Parquet files of others, through pyarrow: checked before a value is read.

pyarrow takes the offsets within a column as they stand in a file, and reads beyond its memory where
they are wrong: so every column is validated first. It makes nothing of what a file says of Python:
extension types stay what they are stored as, and no schema of pandas is followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imprint.core.errors import ImprintError
from imprint.reading.arrow_messages import unpacked_sizes
from imprint.reading.parquet_footer import RowGroup
from imprint.reading.regular import UnreadableFile, check_regular

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import parquet

_FILE_MAGIC = b"ARROW1"
_FILE_START = 8
"""Bytes before the stream in a file."""
LEAST_ROW_BYTES = 4
"""Of an image with its label: a file of fewer a row claims rows that it does not hold."""
MAX_RATIO = 200
"""How often its packed size a column or batch may have; images hardly pack at all."""
MAX_GROUP_BYTES = 2 << 30
MAX_GROUP_VALUES = 1 << 28
"""Of one column in one row group; hundreds of images as a rule."""


@contextmanager
def arrow_errors(path: Path) -> Iterator[None]:
    """Turn what pyarrow raises about a file into one sentence.

    Raises:
        UnreadableFile: the file is damaged or no Arrow or Parquet file.
    """
    import pyarrow as pa

    try:
        yield
    except ImprintError:
        raise
    except (pa.ArrowException, OSError, ValueError, MemoryError, OverflowError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UnreadableFile(
            f"{path} is damaged or cannot be read ({reason[:160]}): write it again"
        ) from error


def map_arrow(path: Path) -> tuple[pa.Buffer, pa.Schema, Iterator[pa.RecordBatch]]:
    """Return the bytes of an Arrow file, mapped, its schema, and its batches, views of the bytes.

    Raises:
        UnreadableFile: it is missing, no regular file, damaged, or neither an Arrow stream nor an
            Arrow file.
    """
    import pyarrow as pa

    with arrow_errors(path):
        size = check_regular(path).st_size
        if not size:
            raise UnreadableFile(f"{path} is empty: write it again")
        with pa.memory_map(str(path)) as mapped:
            content = mapped.read_buffer(size)
        # A file is a stream between a mark and a list of places, which could name any.
        is_file = content.slice(0, min(len(_FILE_MAGIC), size)).to_pybytes() == _FILE_MAGIC
        messages = content.slice(min(_FILE_START, size)) if is_file else content
        stream = pa.ipc.open_stream(messages)
        return content, stream.schema, _stream(path, stream, messages)


def _stream(path: Path, stream: Any, messages: pa.Buffer) -> Iterator[pa.RecordBatch]:
    size = messages.size
    with arrow_errors(path):
        unpacked = max(unpacked_sizes(messages), default=0)
    if unpacked > min(MAX_GROUP_BYTES, (1 << 20) + MAX_RATIO * size):
        raise UnreadableFile(
            f"{path} has {size:,} bytes, of which a batch unpacks to {unpacked:,}: write it again, "
            "without compression"
        )
    rows = 0
    while True:
        with arrow_errors(path):
            try:
                batch = stream.read_next_batch()
            except StopIteration:
                return
            rows += batch.num_rows
            if rows * LEAST_ROW_BYTES > size:
                raise UnreadableFile(
                    f"{path} claims {rows:,} rows in {size:,} bytes: write it again"
                )
        yield batch


def checked_column(path: Path, batch: pa.RecordBatch, name: str) -> Any:
    """Return a column of a batch whose values lie within the batch.

    Raises:
        UnreadableFile: there is no such column, or it is damaged.
    """
    with arrow_errors(path):
        column = batch.column(name)
        column.validate(full=True)
        return storage(column)


def storage(column: Any) -> Any:
    """Return a column as it is stored, without the type that a library gave it."""
    import pyarrow as pa

    return column.storage if isinstance(column.type, pa.BaseExtensionType) else column


def storage_type(kind: Any) -> Any:
    """Return the type in which a column is stored."""
    import pyarrow as pa

    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def open_parquet(path: Path, leaves: tuple[str, ...] = ()) -> parquet.ParquetFile:
    """Return a Parquet file.

    Args:
        path: of the file.
        leaves: columns of bytes or text that are read with each different value once where the
            file keeps them so: one long value may stand for millions of rows.

    Raises:
        UnreadableFile: it is missing, no regular file, damaged, or claims more than it can hold.
    """
    from pyarrow import parquet

    with arrow_errors(path):
        size = check_regular(path).st_size
        file = parquet.ParquetFile(str(path), read_dictionary=list(leaves), memory_map=False)
        rows = file.metadata.num_rows
    if rows * LEAST_ROW_BYTES > size:
        raise UnreadableFile(f"{path} claims {rows:,} rows in {size:,} bytes: write it again")
    return file


def check_group(path: Path, number: int, group: RowGroup, leaves: tuple[str, ...]) -> None:
    """Check that columns of a row group unpack to a size that can be held.

    Args:
        path: of the file.
        number: of the row group.
        group: what the footer says of it.
        leaves: the columns, or those that they lie in.

    Raises:
        UnreadableFile: they do not.
    """
    for name, chunk in group.chunks.items():
        if not any(f"{name}.".startswith(f"{leaf}.") for leaf in leaves):
            continue
        too_large = chunk.whole > min(MAX_GROUP_BYTES, (1 << 20) + MAX_RATIO * chunk.packed)
        if too_large or chunk.values > MAX_GROUP_VALUES:
            raise UnreadableFile(
                f"{path}, row group {number}: {name} has {chunk.values:,} values and unpacks to "
                f"{chunk.whole:,} bytes: write it again, with smaller row groups"
            )
