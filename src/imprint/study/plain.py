"""Plain values: JSON objects, and options as such."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

JsonObject = dict[str, Any]
"""A JSON object as it is handed on: the content of ``summary.json``, what ``--json`` prints."""


def to_plain(options: Any) -> Any:
    """Return options as plain values for JSON and YAML: dataclass → dict, tuple → list."""
    if dataclasses.is_dataclass(options):
        return {
            field.name: to_plain(getattr(options, field.name))
            for field in dataclasses.fields(options)
        }
    if isinstance(options, (tuple, list)):
        return [to_plain(item) for item in options]
    if isinstance(options, Path):
        return str(options)
    return options
