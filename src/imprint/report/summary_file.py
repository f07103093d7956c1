"""``summary.json``: every finding of a study, and which version of its layout it has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imprint import __version__
from imprint.core.errors import ImprintError
from imprint.study.json_io import read_json
from imprint.study.plain import JsonObject

SCHEMA = 2
"""Version of the layout of ``summary.json``: raised when keys are renamed or moved, so that a page
is never made of findings that it would misread."""


def new_summary(
    data: Mapping[str, Any],
    lenses: Mapping[str, Any],
    settings: Mapping[str, Any] | None = None,
    front: Mapping[str, Any] | None = None,
) -> JsonObject:
    """Return the content of a ``summary.json``.

    Args:
        data: facts about the images.
        lenses: findings by lens, as JSON values.
        settings: of the command, without folders; None for none.
        front: what else the front page shows, by key: ``model``, ``not_run``, ``command``,
            ``versions``, ``stamp``; each may be missing.
    """
    with_settings = {} if settings is None else {"settings": settings}
    return {
        "schema": SCHEMA,
        "imprint": __version__,
        **(front or {}),
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


def read_object(path: Path) -> JsonObject:
    """Return the JSON object in a file.

    Raises:
        ImprintError: the file is missing, unreadable or holds something else.
    """
    try:
        content = read_json(path)
    except FileNotFoundError:
        raise ImprintError(
            f"no {path.name} in {path.parent}: run the audit to its end first"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ImprintError(f"cannot read {path}: {error}") from error
    if not isinstance(content, dict):
        raise ImprintError(f"{path} must hold a JSON object: delete it and run the audit again")
    return content


def lookup(findings: Mapping[str, Any], *keys: str) -> Any:
    """Return the value behind a path of keys in ``summary.json``.

    Raises:
        ImprintError: there is nothing at that path; the message names it.
    """
    value: Any = findings
    for depth, key in enumerate(keys, start=1):
        if not isinstance(value, Mapping) or key not in value:
            raise ImprintError(
                f"summary.json has no {'.'.join(keys[:depth])}, which the page needs: "
                "run the audit again with this version"
            )
        value = value[key]
    return value


def mapping(findings: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """Return the object behind a path of keys.

    Raises:
        ImprintError: there is none at that path.
    """
    value = lookup(findings, *keys)
    if not isinstance(value, Mapping):
        raise _wrong(keys, "an object")
    return value


def number(findings: Mapping[str, Any], *keys: str) -> float:
    """Return the finite number behind a path of keys, an int where JSON has one.

    Raises:
        ImprintError: there is none at that path.
    """
    value = lookup(findings, *keys)
    if not is_number(value):
        raise _wrong(keys, "a number")
    return value  # type: ignore[no-any-return]  # is_number has looked


def _wrong(keys: tuple[str, ...], wanted: str) -> ImprintError:
    return ImprintError(
        f"summary.json: {'.'.join(keys)} is not {wanted}: run the audit again with this version"
    )


def is_number(value: Any) -> bool:
    """Return whether a JSON value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
