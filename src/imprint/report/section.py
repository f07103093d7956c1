"""What a section of the page is, and where sections register themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from imprint.core.registry import Registry


@dataclass(frozen=True)
class Section:
    """One section of the page.

    Attributes:
        key: its anchor, unique on the page.
        title: its heading.
        html: its content, safe HTML.
        order: sections stand in rising order.
        anchors: (anchor, title) of the parts worth a link at the top of the page.
    """

    key: str
    title: str
    html: str
    order: int
    anchors: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Figure:
    """A plot with its heading and the sentence under it."""

    title: str
    svg: Markup
    caption: str


Builder = Callable[[Path, Mapping[str, Any]], Section | None]
"""Makes a section from a study folder and its ``summary.json``; None without such findings."""

SECTIONS: Registry[Builder] = Registry(
    "report section", "imprint.report.sections", "imprint.lenses.*.page"
)
