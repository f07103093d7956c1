"""The section on what was audited: data and settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from imprint.report.blocks import Block, Bullets, Details, Facts, Paragraph
from imprint.report.prose import number as exact
from imprint.report.section import SECTIONS, Section
from imprint.report.summary_file import is_number, mapping, number
from imprint.report.table import Column, Table
from imprint.report.wording import MISSING, count, plural

FACTS = {
    "images": "Images",
    "records": "Records",
    "classes": "Classes",
    "boxes": "With object boxes",
    "public": "Public images",
    "shared": "Shared by both sets",
    "attacked_seen": "Attacked, seen in training",
    "attacked_unseen": "Attacked, never seen",
    "reference_crops": "Crops that references learn from",
}
NOT_SETTINGS = (*FACTS, "name", "class_names", "attacked", "dropped")
"""Keys of the data that the page shows elsewhere."""


@SECTIONS.register("study")
def build(root: Path, summary: Mapping[str, object]) -> Section | None:
    """Return the section on data and settings, the last of the page."""
    data = mapping(summary, "data")
    settings = mapping(summary, "settings") if "settings" in summary else {}
    others = {key: value for key, value in data.items() if key not in NOT_SETTINGS}
    rows = [(key, _text(value)) for key, value in others.items()] + list(_flatten(settings))
    table = Table([Column("setting"), Column("value")], rows, headings=False)
    blocks = [Facts(_facts(data)), *_dropped(data), Details("All settings", [table])]
    return Section("study", "Data and settings", blocks, order=90)


def _facts(data: Mapping[str, object]) -> list[tuple[str, str]]:
    numbers = [
        (title, number(data, key)) for key, title in FACTS.items() if is_number(data.get(key))
    ]
    if "attacked" in data:
        numbers += [
            (f"Attacked in set {side}", number(data, "attacked", side))
            for side in mapping(data, "attacked")
        ]
    return [(title, exact(value, count)) for title, value in numbers]


def _dropped(data: Mapping[str, object]) -> list[Block]:
    if "dropped" not in data:
        return []
    dropped = mapping(data, "dropped")
    if not dropped:
        return [Paragraph("No image had to be dropped.", "plain")]
    reasons = [f"{plural(number(dropped, reason), 'image')}: {reason}" for reason in dropped]
    return [Paragraph("Not attacked:", "plain"), Bullets(reasons)]


def _flatten(settings: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every setting with its dotted name."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + str(key), _text(value)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return MISSING
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_text, value))
    return str(value)
