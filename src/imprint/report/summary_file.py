"""``summary.json``: every finding of a study, and which version of its layout it has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imprint import __version__
from imprint.core.errors import ImprintError
from imprint.report.inputs import mapping, read_object
from imprint.study.plain import JsonObject

SCHEMA = 2
"""Version of the layout of ``summary.json``: raised when keys are renamed or moved, so that a page
is never made of findings that it would misread."""


def new_summary(
    data: Mapping[str, Any], lenses: Mapping[str, Any], settings: Mapping[str, Any] | None = None
) -> JsonObject:
    """Return the content of a ``summary.json``.

    Args:
        data: facts about the images.
        lenses: findings by lens, as JSON values.
        settings: of the command, without folders; None for none.
    """
    with_settings = {} if settings is None else {"settings": settings}
    return {
        "schema": SCHEMA,
        "imprint": __version__,
        "data": data,
        **with_settings,
        "lenses": lenses,
    }


def read_summary(root: Path) -> JsonObject:
    """Return the content of ``summary.json`` of a study.

    Raises:
        ImprintError: it is missing or damaged, or of another version's layout.
    """
    path = root / "summary.json"
    summary = read_object(path)
    schema = summary.get("schema", 1)
    if schema != SCHEMA:
        raise ImprintError(
            f"{path} has layout {schema!r} and this version of imprint reads layout {SCHEMA}: "
            "run the study again, or make the page with the version that wrote it"
        )
    for name in ("data", "lenses"):
        mapping(summary, name)
    return summary
