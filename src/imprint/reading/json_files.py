"""JSON in bounded time and memory: no key twice, no NaN, no deep nesting."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

from imprint.reading.regular import MAX_TEXT_BYTES, UnreadableFile, read_bytes


def read_json(path: Path, limit: int = MAX_TEXT_BYTES, remedy: str = "write it again") -> Any:
    """Return the content of a JSON file.

    Args:
        path: of the file.
        limit: bytes that it may have.
        remedy: what to do about a damaged one, for the message.

    Raises:
        OSError: it is missing or may not be read.
        UnreadableFile: it is not JSON in UTF-8, or larger.
    """
    content = read_bytes(path, limit)
    try:
        return json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_refuse
        )
    except RecursionError as error:
        raise UnreadableFile(f"{path} is nested too deeply for JSON: {remedy}") from error
    except ValueError as error:
        raise UnreadableFile(f"{path} is damaged or not JSON ({error}): {remedy}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"key {twice!r} is duplicated")
    return content


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON value")
