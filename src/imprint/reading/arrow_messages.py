"""How far the messages of an Arrow stream unpack, by what they say before a value is unpacked.

pyarrow unpacks every buffer of a batch to the length that is written before it, and a kilobyte can
hold a gigabyte of zeros. Messages are flatbuffers, which pyarrow has verified by then (Apache Arrow
columnar format, ``Message.fbs``): a table names its fields by a table of offsets before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

# Numbers of fields in Message.fbs.
_HEADER = 2
_DATA = 1
"""The batch within one of a dictionary."""
_BUFFERS, _COMPRESSION = 2, 3
_LENGTH_BYTES = 8


def unpacked_sizes(stream: pa.Buffer) -> Iterator[int]:
    """Yield the bytes that each batch of an Arrow stream unpacks to; 0 where it is not packed.

    Raises:
        pyarrow.ArrowException: the stream is damaged.
    """
    import pyarrow as pa

    messages = pa.ipc.MessageReader.open_stream(stream)
    while True:
        try:
            message = messages.read_next_message()
        except StopIteration:
            return
        if message.type in ("record batch", "dictionary"):
            yield _unpacked(message)


def _unpacked(message: Any) -> int:
    content = message.metadata.to_pybytes()
    batch = _table(content, _field(content, _number(content, 0, 4), _HEADER))
    if message.type == "dictionary":
        batch = _table(content, _field(content, batch, _DATA))
    buffers = _field(content, batch, _BUFFERS)
    if not _field(content, batch, _COMPRESSION) or not buffers:
        return 0
    start = _table(content, buffers)
    count = _number(content, start, 4)
    places = np.frombuffer(content, "<i8", 2 * count, start + 4).reshape(-1, 2).tolist()
    body = memoryview(message.body)
    return sum(
        max(0, _number(body, offset, _LENGTH_BYTES, signed=True))
        for offset, length in places
        if offset >= 0 and length >= _LENGTH_BYTES
    )


def _field(content: bytes, table: int, number: int) -> int:
    """Return where a field of a table stands, 0 where the table lacks it."""
    offsets = table - _number(content, table, 4, signed=True)
    place = 4 + 2 * number
    if place + 2 > _number(content, offsets, 2):
        return 0
    offset = _number(content, offsets + place, 2)
    return table + offset if offset else 0


def _table(content: bytes, field: int) -> int:
    """Return where the table or list begins that a field refers to."""
    return field + _number(content, field, 4)


def _number(content: bytes | memoryview, start: int, size: int, signed: bool = False) -> int:
    return int.from_bytes(content[start : start + size], "little", signed=signed)
