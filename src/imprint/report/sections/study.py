"""The section on what was audited: data and settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from imprint.report.inputs import is_number, mapping, number
from imprint.report.section import SECTIONS, Section
from imprint.report.templating import render

FACTS = {
    "images": "Images",
    "classes": "Classes",
    "boxes": "With object boxes",
    "public": "Public images",
    "shared": "Shared by both sets",
    "attacked_seen": "Attacked, seen in training",
    "attacked_unseen": "Attacked, never seen",
    "reference_crops": "Crops that references learn from",
}


@SECTIONS.register("study")
def build(root: Path, summary: Mapping[str, Any]) -> Section | None:
    """Return the section on data and settings, the last of the page."""
    data = mapping(summary, "data")
    facts = [(title, data[key]) for key, title in FACTS.items() if is_number(data.get(key))]
    if "attacked" in data:
        facts += [
            (f"Attacked in set {side}", number(data, "attacked", side))
            for side in mapping(data, "attacked")
        ]
    dropped = mapping(data, "dropped") if "dropped" in data else {}
    told = {*FACTS, "name", "class_names", "attacked", "dropped"}
    html = render(
        "study.html.j2",
        facts=facts,
        dropped={reason: number(dropped, reason) for reason in dropped},
        more=[(key, _text(value)) for key, value in data.items() if key not in told],
        settings=list(_flatten(mapping(summary, "settings") if "settings" in summary else {})),
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
