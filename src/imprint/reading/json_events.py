"""JSON of gigabytes, read event by event: memory does not grow with the file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imprint.core.progress import track
from imprint.reading.regular import UnreadableFile, open_regular

MAX_BYTES = 4 << 30
"""Of a file; the instances of COCO 2017 have 448 MB."""
MAX_DEPTH = 32
MAX_VALUE_BYTES = 16 << 20
"""Read without coming to the end of a value, such as a text or white space."""
READ_BYTES = 1 << 16
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Event = tuple[str, Any]
"""``start_map``, ``map_key``, ``end_map``, ``start_array``, ``end_array``, ``string``, ``number``,
``boolean`` or ``null``, and its value: a str, int, float or bool, None where there is none."""


def json_events(path: Path, limit: int = MAX_BYTES) -> Iterator[Event]:
    """Yield the events of a JSON file in UTF-8, with or without a byte order mark.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is no regular file, not JSON, larger than ``limit`` bytes, nested more
            than ``MAX_DEPTH`` deep, or has a value of more than ``MAX_VALUE_BYTES``.
    """
    import ijson

    depth = waiting = 0
    events = ijson.sendable_list()
    try:
        parser = ijson.basic_parse_coro(events, use_float=True)
        for chunk in _chunks(path, limit):
            if chunk:
                parser.send(chunk)
            else:
                parser.close()
            waiting = 0 if events else waiting + len(chunk)
            if waiting > MAX_VALUE_BYTES:
                raise UnreadableFile(
                    f"{path} has a single value of more than {MAX_VALUE_BYTES:,} bytes: check that "
                    "it is an annotation"
                )
            for event in events:
                if event[0] in ("start_map", "start_array"):
                    depth += 1
                    if depth > MAX_DEPTH:
                        raise UnreadableFile(
                            f"{path} is nested more than {MAX_DEPTH} deep: check that it is an "
                            "annotation"
                        )
                elif event[0] in ("end_map", "end_array"):
                    depth -= 1
                yield event
            del events[:]
    except UnreadableFile:
        raise
    except (ijson.JSONError, ValueError, OverflowError) as error:
        reason = (str(error).removeprefix("b'").splitlines() or ["damaged"])[0]
        reason = reason.partition("\\n")[0].strip()[:120]
        raise UnreadableFile(
            f"{path} is damaged or not JSON in UTF-8 ({reason}): write it again"
        ) from error


def _chunks(path: Path, limit: int) -> Iterator[bytes]:
    """Yield the content of a file, without a byte order mark, and at its end nothing, once."""
    with open_regular(path) as file:
        parts = max(1, -(-os.fstat(file.fileno()).st_size // READ_BYTES))
        taken = 0
        for number in track(range(parts), f"read {path.name}", parts, "part"):
            chunk = file.read(READ_BYTES)
            taken += len(chunk)
            if taken > limit:
                raise UnreadableFile(
                    f"{path} has more than {limit:,} bytes, too many for such a file: check the "
                    "path"
                )
            chunk = chunk if number else chunk.removeprefix(_BYTE_ORDER_MARK)
            if chunk:
                yield chunk
    yield b""
