"""The footer of a Parquet file: how its columns are packed, and where they lie.

pyarrow has the same facts (``ColumnChunkMetaData``), but where those of a damaged file contradict
each other it ends the process rather than raise. The footer is a Thrift structure in the compact
protocol (Apache Parquet format, ``parquet.thrift``; Apache Thrift, ``thrift-compact-protocol.md``).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from imprint.reading.regular import UnreadableFile, open_regular

_MAGIC = b"PAR1"
MAX_FOOTER_BYTES = 1 << 28
_MAX_DEPTH = 16
_UNCOMPRESSED = 0

# Numbers of fields in parquet.thrift.
_ROW_GROUPS = 4
_COLUMNS, _NUM_ROWS = 1, 3
_META_DATA = 3
_PATH, _CODEC, _NUM_VALUES, _WHOLE, _PACKED, _DATA_PAGE, _DICTIONARY_PAGE = 3, 4, 5, 6, 7, 9, 11


class Chunk(NamedTuple):
    """One column of a row group.

    Attributes:
        values: number of them.
        whole: bytes after unpacking.
        packed: bytes in the file.
        start: offset in the file of its first page of values.
        is_plain: whether its values stand in the file as they are, neither compressed nor in a
            dictionary.
    """

    values: int
    whole: int
    packed: int
    start: int
    is_plain: bool


@dataclass(frozen=True)
class RowGroup:
    """A row group.

    Attributes:
        rows: number of them.
        chunks: its columns by path, such as ``image.bytes``.
    """

    rows: int
    chunks: dict[str, Chunk]


def row_groups(path: Path) -> list[RowGroup]:
    """Return the row groups of a Parquet file.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is damaged or no Parquet file.
    """
    content = _footer(path)
    try:
        fields = _Compact(content).struct(0)
        return [_row_group(group) for group in _list(fields.get(_ROW_GROUPS, []))]
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise UnreadableFile(f"the footer of {path} is damaged: fetch or write it again") from error


def _footer(path: Path) -> bytes:
    with open_regular(path) as file:
        length = os.fstat(file.fileno()).st_size
        file.seek(max(0, length - 8))
        tail = file.read(8)
        size = int.from_bytes(tail[:4], "little")
        if tail[4:] != _MAGIC or size > length - 8:
            raise UnreadableFile(f"{path} is no Parquet file, or cut short: fetch it again")
        if size > MAX_FOOTER_BYTES:
            raise UnreadableFile(f"{path} has a footer of {size:,} bytes: write fewer row groups")
        file.seek(length - 8 - size)
        return file.read(size)


def _row_group(fields: Any) -> RowGroup:
    chunks = {}
    for column in _list(fields[_COLUMNS]):
        facts = column[_META_DATA]
        names = [name.decode("utf-8") for name in _list(facts[_PATH])]
        chunks[".".join(names)] = Chunk(
            values=_count(facts[_NUM_VALUES]),
            whole=_count(facts[_WHOLE]),
            packed=_count(facts[_PACKED]),
            start=_count(facts[_DATA_PAGE]),
            is_plain=facts[_CODEC] == _UNCOMPRESSED and _DICTIONARY_PAGE not in facts,
        )
    return RowGroup(_count(fields[_NUM_ROWS]), chunks)


def _count(value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        raise ValueError
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError
    return value


class _Compact:
    """Reads values of the compact protocol; structures become dictionaries by field number."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0

    def struct(self, depth: int) -> dict[int, Any]:
        """Read fields until the stop field."""
        if depth > _MAX_DEPTH:
            raise ValueError
        fields: dict[int, Any] = {}
        number = 0
        while True:
            head = self._byte()
            if head == 0:
                return fields
            step, kind = head >> 4, head & 15
            number = number + step if step else self._zigzag()
            fields[number] = kind == 1 if kind in (1, 2) else self._value(kind, depth)

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (1, 2):
            return self._byte() == 1
        if kind == 3:
            return self._byte()
        if kind in (4, 5, 6):
            return self._zigzag()
        if kind == 7:
            return self._take(8)
        if kind == 8:
            return self._take(self._varint())
        if kind in (9, 10):
            return self._items(depth)
        if kind == 12:
            return self.struct(depth + 1)
        raise ValueError

    def _items(self, depth: int) -> list[Any]:
        if depth > _MAX_DEPTH:
            raise ValueError
        head = self._byte()
        count = head >> 4
        if count == 15:
            count = self._varint()
        if count > len(self.content) - self.at:
            raise ValueError
        return [self._value(head & 15, depth + 1) for _ in range(count)]

    def _byte(self) -> int:
        value = self.content[self.at]
        self.at += 1
        return value

    def _take(self, count: int) -> bytes:
        if count > len(self.content) - self.at:
            raise ValueError
        self.at += count
        return self.content[self.at - count : self.at]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
