"""JSON files of a study: written whole or not at all, read in bounded time and memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from imprint.core.durable import replacing
from imprint.reading import json_files
from imprint.reading.regular import MAX_TEXT_BYTES


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(
            json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
            encoding="utf-8",
            errors="backslashreplace",  # a name of a file that is not UTF-8, as JSON writes it
        )


def read_json(path: Path, limit: int = MAX_TEXT_BYTES) -> Any:
    """Return the content of a JSON file.

    Raises:
        FileNotFoundError: there is no such file.
        ImprintError: the file is not JSON in UTF-8.
    """
    return json_files.read_json(path, limit, remedy="delete it and run again")
