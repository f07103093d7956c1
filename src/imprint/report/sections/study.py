"""The section on what was audited: data and settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from imprint.report.inputs import lookup
from imprint.report.section import SECTIONS, Section
from imprint.report.templating import render


@SECTIONS.register("study")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section on data and settings, the last of the page."""
    data = lookup(summary, "data")
    known = ("name", "images", "boxes", "attacked", "dropped", "public", "class_names", "classes")
    html = render(
        "study.html.j2",
        data=data,
        more=[(key, _text(value)) for key, value in data.items() if key not in known],
        settings=list(_flatten(summary.get("settings", {}))),
    )
    return Section("study", "Data and settings", html, order=90)


def _flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every setting with its dotted name."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + str(key), _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "–"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value))
    return str(value)
