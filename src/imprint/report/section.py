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
        anchors: (anchor, title) of the parts worth a link at the top of the page; those of blocks
            with a ``link`` where it is empty.
    """

    key: str
    title: str
    content: str | Sequence[Block]
    order: int
    anchors: tuple[tuple[str, str], ...] = ()

    @property
    def html(self) -> Markup:
        """Its content, safe HTML."""
        if isinstance(self.content, str):
            return Markup(self.content)
        return draw_blocks(self.content)

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Anchors and titles for the top of the page."""
        blocks = () if isinstance(self.content, str) else self.content
        return self.anchors or tuple(_links(blocks)) or ((self.key, self.title),)


def _links(blocks: Sequence[Block]) -> Iterator[tuple[str, str]]:
    for block in blocks:
        if isinstance(block, (Verdict, Part)) and block.link and block.anchor:
            yield block.anchor, block.link
        if isinstance(block, (Part, Details)):
            yield from _links(block.blocks)
        elif isinstance(block, Columns):
            for column in block.columns:
                yield from _links(column)


@dataclass(frozen=True)
class Figure:
    """A plot with its heading and the sentence under it."""

    title: str
    svg: Markup
    caption: str

    def html(self) -> Markup:
        """Return the figure for the page."""
        return Markup("<figure><h3>{}</h3>\n{}\n<figcaption>{}</figcaption></figure>").format(
            self.title, self.svg, self.caption
        )


Builder = Callable[[Path, Mapping[str, Any]], Section | None]
"""Makes a section from a study folder and its ``summary.json``; None without such findings."""

SECTIONS: Registry[Builder] = Registry(
    "report section", "imprint.report.sections", "imprint.lenses.*.page"
)
