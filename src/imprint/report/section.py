"""What a section of the page is, and where sections register themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from imprint.core.registry import Registry
from imprint.report.blocks import Block, Columns, Details, Part, Verdict, draw_blocks


@dataclass(frozen=True)
class Section:
    """One section of the page.

    Attributes:
        key: its anchor, unique on the page.
        title: its heading.
        content: blocks in their order.
        order: sections stand in rising order.
    """

    key: str
    title: str
    content: Sequence[Block]
    order: int

    @property
    def html(self) -> Markup:
        """Its content, safe HTML."""
        return draw_blocks(self.content)

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Anchor and title of every block with a link, else of the section itself."""
        return tuple(_links(self.content)) or ((self.key, self.title),)


def _links(blocks: Sequence[Block]) -> Iterator[tuple[str, str]]:
    for block in blocks:
        if isinstance(block, (Verdict, Part)) and block.link and block.anchor:
            yield block.anchor, block.link
        if isinstance(block, (Part, Details)):
            yield from _links(block.blocks)
        elif isinstance(block, Columns):
            for column in block.columns:
                yield from _links(column)


Builder = Callable[[Path, Mapping[str, Any]], Section | None]
"""Makes a section from a study folder and its ``summary.json``; None without such findings."""

SECTIONS: Registry[Builder] = Registry(
    "report section", "imprint.report.sections", "imprint.lenses.*.page"
)
